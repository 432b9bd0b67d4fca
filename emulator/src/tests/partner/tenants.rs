use super::*;

const BY_ID: &str = "/tenantRelationships/findTenantInformationByTenantId";
const BY_DOMAIN: &str = "/tenantRelationships/findTenantInformationByDomainName";

#[tokio::test(start_paused = true)]
async fn any_tenant_of_the_cloud_is_found_by_id_and_by_domain() {
    let cloud = Cloud::new();
    let session = cloud.app(&["CrossTenantInformation.ReadBasic.All"]).await;
    let id = cloud.customer.id();
    let found = session.get(&format!("{BY_ID}(tenantId='{id}')")).await.expect(200);
    let context = "https://graph.microsoft.com/v1.0/$metadata#microsoft.graph.tenantInformation";
    assert_eq!(
        found,
        json!({
            "@odata.context": context, "tenantId": id, "federationBrandName": null, "displayName": "Fabrikam",
            "defaultDomainName": "Fabrikam.onmicrosoft.com"
        })
    );
    assert_eq!(session.get(&format!("{BY_DOMAIN}(domainName='FABRIKAM.onmicrosoft.com')")).await.expect(200), found);
    let nobody = Uuid::from_u128(7);
    session.get(&format!("{BY_ID}(tenantId='{nobody}')")).await.refused(404, "Request_ResourceNotFound");
    session.get(&format!("{BY_DOMAIN}(domainName='nobody.example')")).await.refused(404, "Request_ResourceNotFound");
    session.get(&format!("{BY_ID}(tenantId='nobody')")).await.refused(400, "Request_BadRequest");
    session.get(&format!("{BY_ID}(domainName='{id}')")).await.refused(400, "Request_BadRequest");
    session.post(&format!("{BY_ID}(tenantId='{id}')"), json!({})).await.refused(405, "Request_BadRequest");
    let stranger = cloud.app(&[READ]).await;
    stranger.get(&format!("{BY_ID}(tenantId='{id}')")).await.refused(403, "Authorization_RequestDenied");
}
