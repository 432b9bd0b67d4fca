use super::*;

async fn with_relationships(count: usize) -> (Cloud, Session) {
    let cloud = Cloud::new();
    for number in 0..count {
        let customer = if number % 2 == 0 { &cloud.customer } else { &cloud.other };
        cloud.partner.add_relationship(customer, &format!("Relationship {number:03}"), &[DIRECTORY_READERS]);
    }
    let session = cloud.writer().await;
    (cloud, session)
}

const CUSTOMERS: &str = "/tenantRelationships/delegatedAdminCustomers";

fn names(page: &Value) -> Vec<&str> {
    page["value"].as_array().unwrap().iter().map(|item| item["displayName"].as_str().unwrap()).collect()
}

#[tokio::test(start_paused = true)]
async fn pages_follow_their_links_to_the_end() {
    let (_cloud, session) = with_relationships(7).await;
    for order in ["", "&$orderby=displayName%20desc"] {
        let mut path = format!("{RELATIONSHIPS}?$top=3&$count=true{order}");
        let (mut found, mut pages) = (Vec::new(), 0);
        loop {
            let page = session.get(&path).await.expect(200);
            assert_eq!(page["@odata.count"], 7, "no header is needed to count");
            found.extend(names(&page).into_iter().map(str::to_owned));
            pages += 1;
            let Some(next) = page["@odata.nextLink"].as_str() else { break };
            path = next.strip_prefix("https://graph.microsoft.com/v1.0").unwrap().to_owned();
        }
        if !order.is_empty() {
            found.reverse();
        }
        assert_eq!((found, pages), ((0..7).map(|number| format!("Relationship {number:03}")).collect::<Vec<_>>(), 3));
    }
}

#[tokio::test(start_paused = true)]
async fn a_page_has_a_hundred_items_unless_top_says_otherwise() {
    let (_cloud, session) = with_relationships(301).await;
    let length = |page: Value| page["value"].as_array().unwrap().len();
    assert_eq!(length(session.get(RELATIONSHIPS).await.expect(200)), 100);
    assert_eq!(length(session.get(&format!("{RELATIONSHIPS}?$top=300")).await.expect(200)), 300);
    session.get(&format!("{RELATIONSHIPS}?$top=301")).await.refused(400, "badRequest");
}

#[tokio::test(start_paused = true)]
async fn lists_are_filtered_by_status_and_customer() {
    let (cloud, session) = with_relationships(4).await;
    session.post(RELATIONSHIPS, requested("New", &[DIRECTORY_READERS])).await.expect(201);
    let found = |filter: String| {
        let session = session.clone();
        async move {
            let page =
                session.get(&format!("{RELATIONSHIPS}?$filter={}", filter.replace(' ', "%20"))).await.expect(200);
            names(&page).join(" ").replace("Relationship ", "")
        }
    };
    assert_eq!(found("status eq 'active'".into()).await, "000 001 002 003");
    assert_eq!(found("status ne 'active'".into()).await, "New");
    let customer = cloud.other.id();
    assert_eq!(found(format!("status eq 'active' and customer/tenantId eq '{customer}'")).await, "001 003");
    assert_eq!(found("startswith(displayName,'n') or Status in ('created')".into()).await, "New");
    assert_eq!(found("createdDateTime ge 2026-01-01T00:00:00Z".into()).await, "");
    let count = session.get(&format!("{RELATIONSHIPS}/$count?$filter=status%20eq%20'active'")).await.expect(200);
    assert_eq!(count, 4);
}

#[tokio::test(start_paused = true)]
async fn a_selection_keeps_type_and_etag() {
    let (_cloud, session) = with_relationships(1).await;
    let page = session.get(&format!("{RELATIONSHIPS}?$select=id,Status")).await.expect(200);
    assert_eq!(
        page["@odata.context"],
        "https://graph.microsoft.com/v1.0/tenantRelationships/$metadata#delegatedAdminRelationships(id,Status)"
    );
    let members: Vec<_> = page["value"][0].as_object().unwrap().keys().collect();
    assert_eq!(members, ["@odata.etag", "@odata.type", "id", "status"]);
    let one = path_of(&page["value"][0]) + "?$select=displayName";
    assert_eq!(session.get(&one).await.expect(200)["displayName"], "Relationship 000");
}

#[tokio::test(start_paused = true)]
async fn unsupported_queries_are_refused() {
    let (_cloud, session) = with_relationships(1).await;
    for (query, status) in [
        ("$select=colour", 400),
        ("$filter=colour%20eq%20'red'", 400),
        ("$filter=status%20is%20nice", 400),
        ("$orderby=colour", 400),
        ("$orderby=displayName%20sideways", 400),
        ("$top=0", 400),
        ("$skiptoken=nonsense", 400),
        ("$filter=accessDetails/unifiedRoles/any(r:r/roleDefinitionId%20eq%20'x')", 501),
        ("$expand=accessAssignments", 501),
        ("$search=%22x%22", 501),
        ("$skip=1", 501),
    ] {
        assert_eq!(session.get(&format!("{RELATIONSHIPS}?{query}")).await.status, status, "{query}");
    }
    session.get("/tenantRelationships/multiTenantOrganization").await.expect(501);
    session.send("PUT", RELATIONSHIPS, Some(json!({}))).await.refused(405, "Request_BadRequest");
}

#[tokio::test(start_paused = true)]
async fn subresources_are_listed_under_their_relationship() {
    let (cloud, session) = with_relationships(1).await;
    let relationship = cloud.partner.delegated_admin_relationships().remove(0);
    let group = cloud.partner.groups()[0].id;
    let assignment = cloud.partner.add_access_assignment(&relationship.id, group, &[DIRECTORY_READERS]);
    let path = format!("{RELATIONSHIPS}/{}/accessAssignments", relationship.id);
    let filter = format!("accessContainer/accessContainerId%20eq%20'{group}'%20and%20status%20eq%20'active'");
    let page = session.get(&format!("{path}?$filter={filter}")).await.expect(200);
    assert_eq!(page["value"][0]["id"], json!(assignment));
    assert_eq!(
        page["@odata.context"],
        format!(
            "https://graph.microsoft.com/v1.0/tenantRelationships/$metadata#delegatedAdminRelationships('{}')/accessAssignments",
            relationship.id
        )
    );
    assert_eq!(session.get(&format!("{path}/$count")).await.expect(200), 1);
    session.get(&format!("{path}/{group}")).await.refused(404, "notFound");
}

#[tokio::test(start_paused = true)]
async fn customers_are_those_that_have_ever_approved_a_relationship() {
    let (cloud, session) = with_relationships(3).await;
    session.post(RELATIONSHIPS, requested("Nobody's", &[DIRECTORY_READERS])).await.expect(201);
    let first = cloud.partner.delegated_admin_relationships()[1].id.clone();
    cloud.other.terminate_relationship(&first);
    pass(10).await;
    let page = session.get(&format!("{CUSTOMERS}?$count=true")).await.expect(200);
    assert_eq!((names(&page), &page["@odata.count"]), (vec!["Fabrikam", "Adatum"], &json!(2)));
    assert_eq!(page["value"][0]["id"], json!(cloud.customer.id()));
    assert_eq!(page["value"][0]["id"], page["value"][0]["tenantId"]);
    let one = format!("{CUSTOMERS}/{}", cloud.customer.id());
    assert_eq!(session.get(&one).await.expect(200)["displayName"], "Fabrikam");
    let services = session.get(&format!("{one}/serviceManagementDetails")).await.expect(200);
    let service = &services["value"][0];
    assert!(service["serviceManagementUrl"].as_str().unwrap().starts_with("https://"));
    let found = session.get(&format!("{one}/serviceManagementDetails/{}", service["id"].as_str().unwrap())).await;
    assert_eq!(found.expect(200)["serviceName"], service["serviceName"]);
    let count = services["value"].as_array().unwrap().len();
    assert_eq!(session.get(&format!("{one}/serviceManagementDetails/$count")).await.expect(200), count);
    session.get(&format!("{CUSTOMERS}/{}", cloud.partner.id())).await.refused(404, "notFound");
    session.post(CUSTOMERS, json!({})).await.refused(405, "Request_BadRequest");
}

#[tokio::test(start_paused = true)]
async fn contracts_are_those_of_the_partners_customers() {
    let cloud = Cloud::new();
    let session = cloud.app(&["Directory.Read.All"]).await;
    cloud.partner.add_customer(&cloud.other);
    cloud.partner.add_customer(&cloud.customer);
    cloud.partner.add_customer(&cloud.customer);
    let page = session.get("/contracts").await.expect(200);
    assert_eq!(page["@odata.context"], "https://graph.microsoft.com/v1.0/$metadata#contracts");
    assert_eq!(names(&page), ["Adatum", "Fabrikam"], "a contract is there once");
    let filter = format!("/contracts?$filter=customerId%20eq%20{}", cloud.customer.id());
    let found = session.get(&filter).await.expect(200)["value"][0].clone();
    assert_eq!(
        (&found["contractType"], &found["defaultDomainName"]),
        (&json!("ResellerPartner"), &json!("Fabrikam.onmicrosoft.com"))
    );
    let one = session.get(&format!("/contracts/{}", found["id"].as_str().unwrap())).await.expect(200);
    assert_eq!(one["@odata.context"], "https://graph.microsoft.com/v1.0/$metadata#contracts/$entity");
    session.get("/contracts/x").await.refused(404, "Request_ResourceNotFound");
    session.get("/contracts/$count").await.refused(400, "Request_BadRequest");
    let eventual = [("ConsistencyLevel", "eventual")];
    assert_eq!(session.try_send("GET", "/contracts/$count", &eventual, None).await.unwrap().expect(200), 2);
    session.get("/contracts/delta").await.expect(501);
}
