use std::sync::Arc;

use entra_apps::api::Filter;
use entra_apps::auth::StaticToken;
use entra_apps::cloud::Cloud;
use entra_apps::ids::{AccessAssignmentId, DirectoryObjectId, TenantId};
use entra_apps::model::{
    DelegatedAdminRelationshipProperty, DelegatedAdminRelationshipStatus, ETag, IsoDuration,
    NewDelegatedAdminAccessAssignment, NewDelegatedAdminRelationship,
};
use entra_apps::partner::CustomerSource;
use entra_apps::secrecy::SecretString;
use entra_apps::url::Url;
use entra_apps::{ErrorCode, ErrorKind};
use entra_emulator::Fault;

use super::*;
use crate::support::scripted_transport::{Scripted, json as answer};

const CONTRACTS: &str = "Directory.Read.All";
const TENANTS: &str = "CrossTenantInformation.ReadBasic.All";

#[tokio::test(start_paused = true)]
async fn a_customer_is_there_once_with_what_each_list_knows() {
    let scene = Scene::new();
    scene.relationship(&[DirectoryRole::DIRECTORY_READERS]);
    scene.partner.add_customer(&scene.adatum);
    let client = scene.client(&[READ, CONTRACTS, TENANTS]);
    let all = client.partner().customers().await.unwrap();
    assert!(all.is_complete() && all.customers.len() == 2, "{all:?}");
    let (fabrikam, adatum) = (all.find(scene.fabrikam.id()).unwrap(), all.find(scene.adatum.id()).unwrap());
    assert_eq!(fabrikam.sources, [CustomerSource::DelegatedAdminCustomers]);
    assert_eq!((fabrikam.display_name.as_deref(), fabrikam.default_domain.as_deref()), (Some("Fabrikam"), None));
    assert_eq!(adatum.sources, [CustomerSource::Contracts]);
    assert_eq!(adatum.default_domain.as_deref(), Some("Adatum.onmicrosoft.com"));
    assert_eq!(methods(&scene.partner), ["POST"], "one batch reads both");

    scene.partner.add_customer(&scene.fabrikam);
    let all = client.partner().customers().await.unwrap();
    let fabrikam = all.find(scene.fabrikam.id()).unwrap();
    assert_eq!(fabrikam.sources, [CustomerSource::DelegatedAdminCustomers, CustomerSource::Contracts]);
    assert_eq!(fabrikam.default_domain.as_deref(), Some("Fabrikam.onmicrosoft.com"));
}

#[tokio::test(start_paused = true)]
async fn a_domain_that_no_contract_names_is_looked_up_where_it_is_asked_for() {
    let scene = Scene::new();
    scene.relationship(&[DirectoryRole::DIRECTORY_READERS]);
    let client = scene.client(&[READ, CONTRACTS, TENANTS]);
    let all = client.partner().customers().with_domains().await.unwrap();
    assert_eq!(all.customers[0].default_domain.as_deref(), Some("Fabrikam.onmicrosoft.com"));
    assert_eq!(methods(&scene.partner), ["POST", "POST"]);
    // Who may not look it up is told so, and gets the rest.
    let client = scene.client(&[READ, CONTRACTS]);
    let all = client.partner().customers().with_domains().await.unwrap();
    assert_eq!((all.customers.len(), all.customers[0].default_domain.as_deref()), (1, None));
    assert_eq!(all.unread[0].source, CustomerSource::TenantInformation);
    assert_eq!(all.unread[0].error.kind(), ErrorKind::Forbidden);
}

#[tokio::test(start_paused = true)]
async fn a_list_that_fails_is_unknown_and_never_empty() {
    let scene = Scene::new();
    scene.relationship(&[DirectoryRole::DIRECTORY_READERS]);
    scene.partner.add_customer(&scene.adatum);
    for (permission, read, unread) in [
        (READ, CustomerSource::DelegatedAdminCustomers, CustomerSource::Contracts),
        (CONTRACTS, CustomerSource::Contracts, CustomerSource::DelegatedAdminCustomers),
    ] {
        let all = scene.client(&[permission]).partner().customers().await.unwrap();
        assert!(!all.is_complete());
        assert_eq!(all.customers.iter().map(|it| it.sources.clone()).collect::<Vec<_>>(), [vec![read]]);
        assert_eq!((all.unread[0].source, all.unread[0].error.kind()), (unread, ErrorKind::Forbidden));
        let json = serde_json::to_value(&all).unwrap();
        assert_eq!(json["unread"][0]["error"]["code"], "missing_permission");
    }
    let error = scene.client(&["User.Read.All"]).partner().customers().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Forbidden, "where nothing was read there is no list");
    assert!(error.remedy().contains("AdminAgents") && error.remedy().contains(READ), "{error}");
    // A refusal that is no 403.
    scene.partner.fault(Fault::on("GET", "/contracts").in_batch().always().refuses(400, "Request_BadRequest", "No."));
    let all = scene.client(&[READ, CONTRACTS]).partner().customers().await.unwrap();
    assert_eq!(all.unread[0].error.kind(), ErrorKind::Refused);
}

#[tokio::test(start_paused = true)]
async fn hundreds_of_customers_are_read_page_by_page_in_few_requests() {
    let customers = 301;
    let named = |number| builder().domain(format!("c{number}.onmicrosoft.com"));
    let cloud = MemoryCloud::new([builder().partner()].into_iter().chain((0..customers).map(named)));
    let (partner, others) = cloud.tenants().split_first().unwrap();
    for (customer, number) in others.iter().zip(0..) {
        partner.add_relationship(customer, &format!("R{number}"), &ids(&[DirectoryRole::GLOBAL_READER]));
    }
    let client = partner.client_of(&partner.add_caller(&[READ, CONTRACTS, TENANTS]));
    let all = client.partner().customers().with_domains().await.unwrap();
    assert_eq!(all.customers.len(), customers);
    assert!(all.customers.iter().all(|customer| customer.default_domain.is_some()));
    let requests = partner.requests().iter().filter(|it| !it.is_token).count();
    assert_eq!(requests, 2 + customers.div_ceil(20), "two pages, and one for each twenty domains");
}

#[tokio::test(start_paused = true)]
async fn a_tenant_is_found_by_its_id_and_by_its_domain() {
    let scene = Scene::new();
    let client = scene.client(&[TENANTS]);
    let partner = client.partner();
    let found = partner.find_tenant(scene.fabrikam.id()).await.unwrap().unwrap();
    assert_eq!((found.tenant_id, found.display_name.as_deref()), (Some(scene.fabrikam.id()), Some("Fabrikam")));
    let found = partner.find_tenant_by_domain("adatum.onmicrosoft.com").await.unwrap().unwrap();
    assert_eq!(found.tenant_id, Some(scene.adatum.id()));
    assert_eq!(partner.find_tenant(TenantId::from_u128(7)).await.unwrap(), None);
    assert_eq!(partner.find_tenant_by_domain("o'brien.example').com").await.unwrap(), None);
}

#[tokio::test(start_paused = true)]
async fn relationships_are_listed_by_status_and_by_customer() {
    let scene = Scene::new();
    let active = scene.relationship(&[DirectoryRole::DIRECTORY_READERS]);
    scene.partner.add_relationship(&scene.adatum, "Adatum support", &ids(&[DirectoryRole::GLOBAL_READER]));
    let pending = scene.made_by_provider();
    let client = scene.client(&[READ]);
    let relationships = client.partner().relationships();
    assert_eq!(relationships.list().all().await.unwrap().len(), 3);
    let of = relationships.list_of_status(DelegatedAdminRelationshipStatus::ApprovalPending).all().await.unwrap();
    assert_eq!(of.iter().map(|it| it.id.clone()).collect::<Vec<_>>(), [pending.id]);
    let of = relationships.list_of_customer(scene.fabrikam.id()).all().await.unwrap();
    assert_eq!(of.iter().map(|it| it.id.clone()).collect::<Vec<_>>(), [Some(active.clone())]);
    let both = Filter::eq(DelegatedAdminRelationshipProperty::Status, DelegatedAdminRelationshipStatus::Active)
        .and(Filter::eq(DelegatedAdminRelationshipProperty::CustomerTenantId, scene.adatum.id()));
    assert_eq!(relationships.list().filter(both).all().await.unwrap().len(), 1);
    let read = relationships.get(&active).await.unwrap();
    assert_eq!((read.customer_tenant_id(), read.duration.unwrap().days()), (Some(scene.fabrikam.id()), 730));
    assert_eq!(relationships.find_by_name("fabrikam SUPPORT").await.unwrap().unwrap().id, Some(active));
    let nobody = DelegatedAdminRelationshipId::new(format!("{0}-{0}", Uuid::from_u128(7)));
    assert!(relationships.find(&nobody).await.unwrap().is_none());
    assert_eq!(relationships.get(&nobody).await.unwrap_err().kind(), ErrorKind::NotFound);
}

#[tokio::test(start_paused = true)]
async fn what_microsoft_or_a_provider_has_made_is_read_and_marked() {
    let scene = Scene::new();
    let own = scene.relationship(&[DirectoryRole::DIRECTORY_READERS]);
    let led = scene.partner.add_relationship(&scene.adatum, "MLT_f00", &ids(&[DirectoryRole::DIRECTORY_READERS]));
    let of_provider = scene.made_by_provider();
    let client = scene.client(&[READ]);
    let all = client.partner().relationships().list().all().await.unwrap();
    let marks = |id: &str| {
        let found = all.iter().find(|it| it.id.as_ref().unwrap().as_str() == id).unwrap();
        (found.is_microsoft_led(), found.is_of_reseller())
    };
    assert_eq!(marks(own.as_str()), (false, false));
    assert_eq!(marks(&led), (true, false));
    assert_eq!(marks(of_provider.id.as_ref().unwrap().as_str()), (false, true));
    assert_eq!(of_provider.indirect_provider_tenant_id, Some(scene.adatum.id()));
}

#[tokio::test]
async fn what_is_not_known_is_kept_and_the_rest_is_read() {
    let body = r##"{"value": [
        {"@odata.type": "#microsoft.graph.new", "id": "a", "status": "hibernating", "duration": "for ever",
         "activatedDateTime": "", "autoExtendDuration": "P180D", "accessDetails": {"unifiedRoles":
            [{"roleDefinitionId": "no guid"}, {"roleDefinitionId": "f2ef992c-3afb-46b9-b7cf-a126ee74c451"}]}},
        {"id": "b", "status": "active"}]}"##;
    let client = Client::builder()
        .tenant(Uuid::from_u128(1).to_string())
        .token_provider(Arc::new(StaticToken::new(SecretString::from("t"))))
        .transport(Arc::new(Scripted::new([answer(200, body)])))
        .build()
        .unwrap();
    let all = client.partner().relationships().list().all().await.unwrap();
    assert_eq!(all[0].status, Some(DelegatedAdminRelationshipStatus::Other("hibernating".to_owned())));
    assert_eq!(all[0].unknown.text("duration"), Some("for ever"));
    assert_eq!((all[0].activated_date_time, all[0].is_auto_extended()), (None, Some(true)));
    assert_eq!(all[0].roles().collect::<Vec<_>>(), [DirectoryRole::GLOBAL_READER]);
    assert_eq!((all[1].is_active(), all[1].is_auto_extended()), (true, None));
}

#[tokio::test(start_paused = true)]
async fn in_china_nothing_is_sent() {
    let loopback = Url::parse("http://localhost:1/").unwrap();
    let custom = Cloud::custom("proxy", &loopback, &loopback).unwrap();
    for cloud in [Cloud::china(), custom.graph_resource("https://microsoftgraph.chinacloudapi.cn")] {
        let scene = Scene::new();
        let client = scene.partner.client_builder().cloud(cloud).build().unwrap();
        let partner = client.partner();
        let id = DelegatedAdminRelationshipId::new("a-b");
        let (relationships, assignments) = (partner.relationships(), partner.access_assignments(&id));
        let (assignment, etag) = (AccessAssignmentId::new("a"), ETag::new("W/\"1\""));
        let roles = [DirectoryRole::GLOBAL_READER];
        let new = NewDelegatedAdminRelationship::new("x", IsoDuration::from_days(1), roles);
        let assigned = NewDelegatedAdminAccessAssignment::new(DirectoryObjectId::from_u128(1), roles);
        let errors = [
            partner.customers().await.unwrap_err(),
            partner.contracts().all().await.unwrap_err(),
            partner.delegated_admin_customers().all().await.unwrap_err(),
            relationships.list().all().await.unwrap_err(),
            relationships.get(&id).await.unwrap_err(),
            relationships.create(&new).await.unwrap_err(),
            relationships.find_or_create(&new).await.unwrap_err(),
            relationships.delete(&id, &etag).await.unwrap_err(),
            relationships.request_approval(&id).await.unwrap_err(),
            relationships.terminate(&id).await.unwrap_err(),
            relationships.operations(&id).all().await.unwrap_err(),
            relationships.requests(&id).all().await.unwrap_err(),
            assignments.list().all().await.unwrap_err(),
            assignments.create(&assigned).await.unwrap_err(),
            assignments.update(&assignment, &etag, roles).await.unwrap_err(),
            assignments.delete(&assignment, &etag).await.unwrap_err(),
        ];
        for error in errors {
            assert_eq!((error.kind(), error.code()), (ErrorKind::Unsupported, ErrorCode::GdapNotInCloud), "{error}");
        }
        assert!(scene.partner.requests().is_empty());
        assert_eq!(partner.invitation_link(&id), None);
    }
}

#[tokio::test]
async fn us_government_is_asked_at_its_own_hosts() {
    for (cloud, host) in
        [(Cloud::us_government(), "graph.microsoft.us"), (Cloud::us_government_dod(), "dod-graph.microsoft.us")]
    {
        let transport = Arc::new(Scripted::new([answer(200, r#"{"value": []}"#)]));
        let client = Client::builder()
            .cloud(cloud)
            .tenant(Uuid::from_u128(1).to_string())
            .token_provider(Arc::new(StaticToken::new(SecretString::from("t"))))
            .transport(Arc::clone(&transport) as Arc<_>)
            .build()
            .unwrap();
        client.partner().relationships().list().top(300).all().await.unwrap();
        let expected = format!("https://{host}/v1.0/tenantRelationships/delegatedAdminRelationships?$top=300");
        assert_eq!(transport.asked()[0].0, expected);
        assert_eq!(client.partner().invitation_link(&DelegatedAdminRelationshipId::new("a-b")), None);
    }
}
