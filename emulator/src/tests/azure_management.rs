use super::*;

const SUBSCRIPTIONS: &str = "https://management.azure.com/subscriptions?api-version=2022-12-01";

async fn ask(tenant: &MemoryTenant, method: &str, uri: &str, scope: &str) -> Answered {
    let mut request = Request::builder().method(method).uri(uri);
    if !scope.is_empty() {
        let token = token(tenant, &tenant.caller(), scope).await.expect(200);
        request = request.header("authorization", format!("Bearer {}", token["access_token"].as_str().unwrap()));
    }
    Answered::of(tenant.send(request.body(Bytes::new()).unwrap()).await.unwrap())
}

#[tokio::test(start_paused = true)]
async fn azure_lists_the_organization_without_subscriptions() {
    let tenant = builder().build();
    // The double slash is what the Azure CLI sends: the name of the API ends with one.
    for scope in ["https://management.core.windows.net//.default", "https://management.azure.com/.default"] {
        let response = ask(&tenant, "GET", SUBSCRIPTIONS, scope).await.expect(200);
        assert_eq!(response, json!({"value": [], "count": {"type": "Total", "value": 0}}));
        let tenants = "https://management.azure.com/tenants?api-version=2022-12-01";
        let response = ask(&tenant, "GET", tenants, scope).await.expect(200);
        let known = &response["value"][0];
        assert_eq!(
            (&known["tenantId"], &known["defaultDomain"]),
            (&json!(tenant.id().to_string()), &json!(tenant.domain()))
        );
    }
}

#[tokio::test(start_paused = true)]
async fn azure_wants_a_token_of_its_own_and_a_version() {
    let tenant = builder().build();
    let own = "https://management.azure.com/.default";
    ask(&tenant, "GET", SUBSCRIPTIONS, "").await.refused(401, "AuthenticationFailed");
    let foreign = ask(&tenant, "GET", SUBSCRIPTIONS, "https://graph.microsoft.com/.default").await;
    assert!(foreign.headers.contains_key("www-authenticate"));
    let message = foreign.refused(401, "InvalidAuthenticationTokenAudience");
    assert!(message.contains("'https://graph.microsoft.com'"), "{message}");
    let unversioned = SUBSCRIPTIONS.split('?').next().unwrap();
    ask(&tenant, "GET", unversioned, own).await.refused(400, "MissingApiVersionParameter");
    ask(&tenant, "PUT", SUBSCRIPTIONS, own).await.refused(501, "NotImplemented");
    let deeper = "https://management.azure.com/subscriptions/x/resourceGroups?api-version=2022-12-01";
    ask(&tenant, "GET", deeper, own).await.refused(501, "NotImplemented");
}

#[tokio::test(start_paused = true)]
async fn in_a_cloud_the_tenant_that_issued_the_token_responds() {
    let cloud = MemoryCloud::new([builder().domain("a.onmicrosoft.com"), builder().domain("b.onmicrosoft.com")]);
    let other = cloud.tenant("b.onmicrosoft.com").unwrap();
    let token = token(other, &other.caller(), "https://management.azure.com/.default").await.expect(200);
    let request = Request::get("https://management.azure.com/tenants?api-version=2022-12-01")
        .header("authorization", format!("Bearer {}", token["access_token"].as_str().unwrap()));
    let response = Answered::of(cloud.send(request.body(Bytes::new()).unwrap()).await.unwrap()).expect(200);
    assert_eq!(response["value"][0]["defaultDomain"], "b.onmicrosoft.com");
}
