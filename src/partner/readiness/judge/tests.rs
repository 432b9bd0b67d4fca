use serde_json::{Value, json};
use time::macros::datetime;

use super::*;

const NOW: OffsetDateTime = datetime!(2026-06-01 09:00 UTC);
const LIMITS: Limits = Limits { settling: Duration::from_secs(900), ending: Duration::from_secs(30 * 86_400) };
const ADMIN: DirectoryRole = DirectoryRole::APPLICATION_ADMINISTRATOR;
const CLOUD: DirectoryRole = DirectoryRole::CLOUD_APPLICATION_ADMINISTRATOR;
const GRANT: DirectoryRole = DirectoryRole::PRIVILEGED_ROLE_ADMINISTRATOR;
const GLOBAL: DirectoryRole = DirectoryRole::GLOBAL_ADMINISTRATOR;
const TEAM: DirectoryObjectId = DirectoryObjectId::from_u128(1);
const OTHERS: DirectoryObjectId = DirectoryObjectId::from_u128(2);
const GONE: DirectoryObjectId = DirectoryObjectId::from_u128(3);

fn roles(roles: &[DirectoryRole]) -> Value {
    let roles: Vec<_> = roles.iter().map(|role| json!({ "roleDefinitionId": role.id() })).collect();
    json!({ "unifiedRoles": roles })
}

/// An active relationship of a year ago that ends in a year.
fn relationship(id: &str, held: &[DirectoryRole]) -> Value {
    json!({
        "id": id, "displayName": id, "status": "active", "autoExtendDuration": "PT0S",
        "accessDetails": roles(held), "lastModifiedDateTime": "2025-06-01T09:00:00Z",
        "activatedDateTime": "2025-06-01T09:00:00Z", "endDateTime": "2027-06-01T09:00:00Z"
    })
}

fn with(mut value: Value, changes: Value) -> Value {
    value.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
    value
}

fn assignment(group: DirectoryObjectId, held: &[DirectoryRole], status: &str) -> Value {
    json!({
        "id": "x", "status": status, "accessContainer": {"accessContainerId": group}, "accessDetails": roles(held)
    })
}

/// What is observed: relationships with their assignments, and a person in TEAM.
struct Scene {
    relationships: Read<Vec<DelegatedAdminRelationship>>,
    assignments: BTreeMap<DelegatedAdminRelationshipId, Read<Vec<DelegatedAdminAccessAssignment>>>,
    live: Option<BTreeSet<DirectoryObjectId>>,
    person: Option<Person>,
    in_customer: Option<InCustomer>,
}

impl Scene {
    fn of(relationships: &[(Value, &[Value])]) -> Self {
        let read = |value: &Value| serde_json::from_value(value.clone()).unwrap();
        let all: Vec<DelegatedAdminRelationship> = relationships.iter().map(|(it, _)| read(it)).collect();
        let assignments = all.iter().zip(relationships).map(|(relationship, (_, assignments))| {
            let all = assignments.iter().map(|it| serde_json::from_value(it.clone()).unwrap()).collect();
            (relationship.id.clone().unwrap(), Ok(all))
        });
        Self {
            assignments: assignments.collect(),
            relationships: Ok(all),
            live: Some([TEAM, OTHERS].into()),
            person: Some(Person { id: None, tenant: None, groups: Ok([TEAM].into()), eligible: Ok(BTreeSet::new()) }),
            in_customer: None,
        }
    }

    fn change(mut self, change: impl FnOnce(&mut Self)) -> Self {
        change(&mut self);
        self
    }

    fn judge(&self, needed: &RolesNeeded) -> Judgement {
        let observed = Observed {
            relationships: match &self.relationships {
                Ok(all) => Ok(all),
                Err(error) => Err(*error),
            },
            assignments: &self.assignments,
            live_groups: self.live.as_ref(),
            person: self.person.as_ref(),
            in_customer: self.in_customer.as_ref(),
        };
        judge(&observed, needed, LIMITS, NOW)
    }
}

fn needed() -> RolesNeeded {
    RolesNeeded::to_administer_apps()
}

fn codes(judgement: &Judgement) -> Vec<&'static str> {
    judgement.gaps.iter().map(Gap::code).collect()
}

/// Each state of a customer, and what it comes to.
#[test]
fn each_gap_is_found_and_none_is_invented() {
    use ReadinessOutcome::{NotReady, NotYet, Ready, Unknown};

    let held = |status: &str| assignment(TEAM, &[ADMIN], status);
    let active = || relationship("r", &[ADMIN, GRANT]);
    let team = [held("active")];
    let pending = |at: &str| {
        with(
            active(),
            json!({"status": "approvalPending", "lastModifiedDateTime": at, "activatedDateTime": null, "endDateTime": null}),
        )
    };
    let unread = |scene: &mut Scene| {
        scene.assignments.insert(DelegatedAdminRelationshipId::new("r"), Err(ErrorCode::Throttled));
    };
    let cases: Vec<(&str, Scene, &[&str], ReadinessOutcome)> = vec![
        ("all there", Scene::of(&[(active(), &team)]), &[], Ready),
        (
            "cloud suffices",
            Scene::of(&[(relationship("r", &[CLOUD]), &[assignment(TEAM, &[CLOUD], "active")])]),
            &[],
            Ready,
        ),
        ("nothing", Scene::of(&[]), &["no_relationship"], NotReady),
        (
            "created",
            Scene::of(&[(with(active(), json!({"status": "created", "activatedDateTime": null})), &[])]),
            &["not_invited"],
            NotReady,
        ),
        ("asked today", Scene::of(&[(pending("2026-06-01T08:00:00Z"), &[])]), &["approval_pending"], NotReady),
        ("60 days ago", Scene::of(&[(pending("2026-04-02T09:00:00Z"), &[])]), &["invitation_lapsing"], NotReady),
        ("59 days ago", Scene::of(&[(pending("2026-04-03T09:00:01Z"), &[])]), &["approval_pending"], NotReady),
        ("90 days ago", Scene::of(&[(pending("2026-03-03T09:00:00Z"), &[])]), &["invitation_lapsed"], NotReady),
        (
            "lapsed",
            Scene::of(&[(with(pending("2026-01-01T09:00:00Z"), json!({"status": "expired"})), &[])]),
            &["invitation_lapsed"],
            NotReady,
        ),
        (
            "approved",
            Scene::of(&[(with(active(), json!({"status": "approved"})), &[])]),
            &["activated_recently"],
            NotYet,
        ),
        (
            "activating",
            Scene::of(&[(with(active(), json!({"status": "activating"})), &[])]),
            &["activated_recently"],
            NotYet,
        ),
        (
            "expired",
            Scene::of(&[(with(active(), json!({"status": "expired"})), &team)]),
            &["relationship_ended"],
            NotReady,
        ),
        (
            "terminated",
            Scene::of(&[(with(active(), json!({"status": "terminated"})), &team)]),
            &["relationship_ended"],
            NotReady,
        ),
        (
            "being ended",
            Scene::of(&[(with(active(), json!({"status": "terminationRequested"})), &team)]),
            &["relationship_ended"],
            NotReady,
        ),
        (
            "over at this moment",
            Scene::of(&[(with(active(), json!({"endDateTime": "2026-06-01T09:00:00Z"})), &team)]),
            &["relationship_ended"],
            NotReady,
        ),
        (
            "over and extended",
            Scene::of(&[(
                with(active(), json!({"endDateTime": "2026-06-01T09:00:00Z", "autoExtendDuration": "P180D"})),
                &team,
            )]),
            &[],
            Ready,
        ),
        (
            "ends in 30 days",
            Scene::of(&[(with(active(), json!({"endDateTime": "2026-07-01T09:00:00Z"})), &team)]),
            &["relationship_ending"],
            Ready,
        ),
        (
            "ends in 31 days",
            Scene::of(&[(with(active(), json!({"endDateTime": "2026-07-01T09:00:01Z"})), &team)]),
            &[],
            Ready,
        ),
        (
            "extended",
            Scene::of(&[(
                with(active(), json!({"endDateTime": "2026-06-09T09:00:00Z", "autoExtendDuration": "P180D"})),
                &team,
            )]),
            &[],
            Ready,
        ),
        ("global", Scene::of(&[(relationship("r", &[ADMIN, GLOBAL]), &team)]), &["extension_blocked"], Ready),
        (
            "status new",
            Scene::of(&[(with(active(), json!({"status": "hibernating"})), &team)]),
            &["relationship_ended"],
            NotReady,
        ),
        (
            "microsoft's",
            Scene::of(&[(with(active(), json!({"displayName": "MLT_x"})), &team)]),
            &["microsoft_led_only"],
            Ready,
        ),
        (
            "microsoft's, lesser",
            Scene::of(&[(
                with(relationship("r", &[DirectoryRole::GLOBAL_READER]), json!({"displayName": "MLT_x"})),
                &[],
            )]),
            &["microsoft_led_only", "role_not_in_relationship"],
            NotReady,
        ),
        (
            "14 minutes",
            Scene::of(&[(with(active(), json!({"activatedDateTime": "2026-06-01T08:45:01Z"})), &team)]),
            &["activated_recently"],
            NotYet,
        ),
        (
            "15 minutes",
            Scene::of(&[(with(active(), json!({"activatedDateTime": "2026-06-01T08:45:00Z"})), &team)]),
            &[],
            Ready,
        ),
        (
            "in the future",
            Scene::of(&[(with(active(), json!({"activatedDateTime": "2026-06-01T10:00:00Z"})), &team)]),
            &["activated_recently"],
            NotYet,
        ),
        (
            "lesser role",
            Scene::of(&[(relationship("r", &[DirectoryRole::GLOBAL_READER]), &[])]),
            &["role_not_in_relationship"],
            NotReady,
        ),
        ("not assigned", Scene::of(&[(active(), &[])]), &["role_not_assigned"], NotReady),
        (
            "another role assigned",
            Scene::of(&[(active(), &[assignment(TEAM, &[GRANT], "active")])]),
            &["role_not_assigned"],
            NotReady,
        ),
        ("pending", Scene::of(&[(active(), &[held("pending")])]), &["assignment_pending"], NotYet),
        ("failed", Scene::of(&[(active(), &[held("error")])]), &["assignment_failed"], NotReady),
        ("being deleted", Scene::of(&[(active(), &[held("deleting")])]), &["role_not_assigned"], NotReady),
        ("deleted and made anew", Scene::of(&[(active(), &[held("deleted"), held("active")])]), &[], Ready),
        ("group gone", Scene::of(&[(active(), &[assignment(GONE, &[ADMIN], "active")])]), &["group_deleted"], NotReady),
        (
            "group gone, another there",
            Scene::of(&[(active(), &[assignment(GONE, &[ADMIN], "active"), held("active")])]),
            &[],
            Ready,
        ),
        ("groups unread", Scene::of(&[(active(), &team)]).change(|it| it.live = None), &[], Ready),
        (
            "in no group",
            Scene::of(&[(active(), &[assignment(OTHERS, &[ADMIN], "active")])]),
            &["not_in_group"],
            NotReady,
        ),
        (
            "eligible",
            Scene::of(&[(active(), &[assignment(OTHERS, &[ADMIN], "active")])])
                .change(|it| it.person.as_mut().unwrap().eligible = Ok([OTHERS].into())),
            &["only_eligible"],
            NotReady,
        ),
        (
            "memberships unread",
            Scene::of(&[(active(), &team)])
                .change(|it| it.person.as_mut().unwrap().groups = Err(ErrorCode::MissingPermission)),
            &["unknown"],
            Unknown,
        ),
        (
            "an app",
            Scene::of(&[(active(), &[assignment(OTHERS, &[ADMIN], "active")])]).change(|it| it.person = None),
            &[],
            Ready,
        ),
        ("assignments unread", Scene::of(&[(active(), &team)]).change(unread), &["unknown"], Unknown),
        (
            "assignments unread, another relationship suffices",
            Scene::of(&[(active(), &[]), (relationship("s", &[ADMIN]), &team)]).change(unread),
            &[],
            Ready,
        ),
        (
            "relationships unread",
            Scene::of(&[]).change(|it| it.relationships = Err(ErrorCode::MissingPermission)),
            &["unknown"],
            Unknown,
        ),
        (
            "old and ended",
            Scene::of(&[(with(relationship("o", &[ADMIN]), json!({"status": "expired"})), &[]), (active(), &team)]),
            &[],
            Ready,
        ),
        (
            "a new one is asked for",
            Scene::of(&[
                (relationship("o", &[GRANT]), &[]),
                (with(pending("2026-06-01T08:00:00Z"), json!({"id": "p"})), &[]),
            ]),
            &["approval_pending"],
            NotReady,
        ),
        (
            "settling, and an older one",
            Scene::of(&[
                (with(active(), json!({"activatedDateTime": "2026-06-01T08:59:00Z"})), &team),
                (relationship("s", &[ADMIN]), &team),
            ]),
            &[],
            Ready,
        ),
        (
            "eligible, and for another group",
            Scene::of(&[(active(), &[assignment(OTHERS, &[ADMIN], "active")])])
                .change(|it| it.person.as_mut().unwrap().eligible = Ok([GONE].into())),
            &["not_in_group"],
            NotReady,
        ),
        (
            "in no group, and what is eligible is unread",
            Scene::of(&[(active(), &[assignment(OTHERS, &[ADMIN], "active")])])
                .change(|it| it.person.as_mut().unwrap().eligible = Err(ErrorCode::MissingPermission)),
            &["not_in_group", "unknown"],
            NotReady,
        ),
        (
            "in a group, and what is eligible is unread",
            Scene::of(&[(active(), &team)])
                .change(|it| it.person.as_mut().unwrap().eligible = Err(ErrorCode::MissingPermission)),
            &[],
            Ready,
        ),
        (
            "the customer's policy",
            Scene::of(&[(active(), &team)])
                .change(|it| it.in_customer = Some(InCustomer::KeepsOut(ErrorCode::BlockedByConditionalAccess))),
            &["blocked_by_customer"],
            NotReady,
        ),
        (
            "the customer is not known",
            Scene::of(&[(active(), &team)])
                .change(|it| it.in_customer = Some(InCustomer::Unread(ErrorCode::TenantBlocked))),
            &["unknown"],
            Unknown,
        ),
        (
            "the customer shows less",
            Scene::of(&[(active(), &team)]).change(|it| it.in_customer = Some(InCustomer::Shows([GRANT].into()))),
            &["role_not_in_customer"],
            NotReady,
        ),
        (
            "the customer shows nothing, and the partner knows why",
            Scene::of(&[(active(), &[held("pending")])])
                .change(|it| it.in_customer = Some(InCustomer::Shows(BTreeSet::new()))),
            &["assignment_pending"],
            NotYet,
        ),
        (
            "the customer shows it",
            Scene::of(&[(active(), &[])]).change(|it| it.in_customer = Some(InCustomer::Shows([ADMIN].into()))),
            &[],
            Ready,
        ),
    ];
    for (name, scene, gaps, wanted) in cases {
        let judgement = scene.judge(&needed());
        assert_eq!(codes(&judgement), gaps, "{name}: {judgement:?}");
        assert_eq!(outcome(&judgement.gaps), wanted, "{name}");
        for gap in &judgement.gaps {
            let json = serde_json::to_value(gap).unwrap();
            assert!(!gap.remedy().is_empty() && !gap.to_string().ends_with('.'), "{gap}");
            assert_eq!((&json["code"], &json["text"]), (&gap.code().into(), &gap.to_string().into()));
        }
    }
}

#[test]
fn roles_are_the_union_of_relationships_and_groups() {
    let scene = Scene::of(&[
        (relationship("a", &[ADMIN]), &[assignment(TEAM, &[ADMIN], "active")]),
        (relationship("b", &[GRANT]), &[assignment(TEAM, &[GRANT, GLOBAL], "active")]),
        (with(relationship("c", &[CLOUD]), json!({"status": "expired"})), &[assignment(TEAM, &[CLOUD], "active")]),
    ]);
    let both = needed().any_of([GRANT]);
    let judgement = scene.judge(&both);
    assert_eq!((codes(&judgement), outcome(&judgement.gaps)), (vec![], ReadinessOutcome::Ready));
    // What a relationship has lost its assignment does not give, and what has ended gives nothing.
    assert_eq!(judgement.roles, [ADMIN, GRANT].into());
}

#[test]
fn the_remedy_for_a_role_names_the_one_that_the_guide_names() {
    let scene = Scene::of(&[(relationship("r", &[ADMIN]), &[assignment(TEAM, &[ADMIN], "active")])]);
    let judgement = scene.judge(&needed().any_of([GRANT, GLOBAL]));
    assert_eq!(judgement.gaps, [Gap::RoleNotInRelationship { any_of: vec![GRANT, GLOBAL] }]);
    let remedy = judgement.gaps[0].remedy();
    assert!(remedy.contains("Privileged Role Administrator") && remedy.contains("invitation link"), "{remedy}");
    assert!(!remedy.contains("Global Administrator"), "{remedy}");
}
