//! Each promise of the page “What happens when …” has tests that show it, which exist and run.

use std::collections::BTreeSet;
use std::path::Path;

use syn::visit::{self, Visit};

const PAGE: &str = include_str!("../../src/what_happens_when.md");

/// What happens, as the page has it, and the tests that show how it ends: `plans::x` is the function `x` in
/// `tests/it/plans.rs`, and `hostile::links::x` the one in `tests/it/hostile/links.rs`.
#[rustfmt::skip] // one promise a line
const SHOWN_BY: &[(&str, &[&str])] = &[
    // … a request fails
    ("A request is not sent: no network, no such host, nobody listens", &["faults::each_request::every_request_fails_once_in_every_way", "http::where_nobody_listens_nothing_was_sent"]),
    ("The connection breaks, and nobody knows whether the request was carried out", &["faults::each_request::every_request_fails_once_in_every_way", "faults::each_request::two_requests_fail_in_every_pair_of_ways"]),
    ("The response to a write is lost, or only half of it arrives", &["faults::each_request::every_request_fails_once_in_every_way"]),
    ("There is no response at all", &["faults::each_request::no_fault_makes_a_job_wait_for_ever"]),
    ("500, 502, 503, 504, before the write or after it", &["faults::each_request::every_request_fails_once_in_every_way"]),
    ("One item of a batch fails", &["faults::each_request::every_item_of_a_batch_fails_once_in_every_way"]),
    ("A response is no JSON, or comes from a proxy", &["http::a_page_in_place_of_a_response_is_told_by_its_first_words", "hostile::proxies::a_success_that_cannot_be_read_is_asked_for_again_where_that_does_no_harm"]),
    ("A proxy or gateway refuses in Graph's place, by any status", &["hostile::proxies::what_a_proxy_responds_is_said_to_be_a_proxys", "hostile::proxies::a_401_of_a_proxy_costs_no_token", "hostile::proxies::a_404_of_a_proxy_is_neither_absence_nor_lag"]),
    ("The name of the host does not resolve, nobody listens, a certificate is not trusted, a proxy wants a password or refuses", &["http::each_reason_for_no_connection_has_a_code"]),
    ("An error comes in another form than Graph documents", &["hostile::proxies::code_and_message_of_an_error_are_kept_in_every_form"]),
    ("The service forgets how far a list has been read", &["client::lists::a_list_whose_place_is_forgotten_is_begun_anew_where_nobody_has_seen_any_of_it"]),
    ("429 with `Retry-After`, in seconds or as a date", &["throttling::retry_after_is_waited_for_in_seconds_and_as_a_date"]),
    ("A write that others may have overtaken has to wait for more than five seconds", &["others::throttled::what_an_administrator_added_during_the_wait_of_a_write_stays", "throttling::a_registration_completes_under_a_small_limit"]),
    ("429 with a wait beyond the deadline", &["throttling::a_retry_after_beyond_the_deadline_ends_an_apply_at_once_with_the_report"]),
    ("Hundreds of jobs at once are throttled", &["throttling::hundreds_of_appliers_through_one_throttled_client_all_succeed"]),
    ("A process lives long and registers thousands of apps", &["memory::what_a_client_holds_stays_flat_under_overload"]),
    ("401: Graph refuses the token", &["client::tokens::a_refused_token_is_replaced_once"]),
    ("Retries are switched off", &["client::retries::without_retries_each_request_is_sent_once"]),
    // … the directory's replicas lag
    ("404 for an object that this client made a moment ago", &["replication::waits::the_client_waits_for_what_it_wrote", "replication::waits::waiting_is_reported_as_progress"]),
    ("404 for anything else", &["replication::waits::what_this_client_did_not_write_is_not_waited_for"]),
    ("A write to a new object meets one of the responses by which a replica that is behind shows itself, operation by operation", &["replication::rules::a_response_of_a_lagging_replica_is_waited_for"]),
    ("The same response about an object that was not made a moment ago, or any other refusal of the same operation", &["replication::rules::the_same_response_about_an_old_object_is_returned_at_once", "replication::rules::a_real_error_of_the_same_operation_is_returned_at_once"]),
    ("400 or 403 for the service principal of an application that was made a moment ago", &["faults::each_request::every_item_of_a_batch_fails_once_in_every_way"]),
    ("A list does not show yet what was accepted", &["replication::waits::a_registration_converges_under_lag_and_nothing_is_written_twice", "replication::waits::a_replica_that_falls_behind_again_causes_no_second_write"]),
    ("The lag outlasts the deadline", &["replication::waits::lag_that_outlasts_the_deadline_is_not_taken_for_absence"]),
    ("409: another writer is at the same object", &["faults::each_request::every_item_of_a_batch_fails_once_in_every_way"]),
    // … a secret is at stake
    ("The response with the new secret is lost", &["secrets::lost::a_lost_response_loses_no_secret_and_needs_no_second_run"]),
    ("The lost secret is not visible yet", &["secrets::lost::a_lost_secret_is_looked_for_until_reads_no_longer_lag", "secrets::lost::a_lost_secret_that_one_replica_does_not_know_yet_is_still_removed"]),
    ("Looking for the lost secret fails as well, or two other failures meet", &["secrets::lost::a_secret_that_may_be_there_and_could_not_be_looked_for_is_reported", "faults::each_request::two_requests_fail_in_every_pair_of_ways"]),
    ("Somebody else has made a secret of the same name", &["secrets::lost::a_secret_of_the_same_name_that_somebody_else_made_is_not_taken_for_the_lost_one"]),
    ("The process ends after the secret was issued", &["faults::each_request::the_process_ends_at_every_request_before_and_after_its_effect"]),
    ("The secret sink fails", &["secrets::issuing::a_sink_that_fails_leaves_no_secret_behind"]),
    ("The secret sink never ends", &["secrets::issuing::a_sink_that_hangs_ends_with_the_deadline_and_the_secret_is_not_lost"]),
    ("A later step fails", &["refused_requests::an_apply_that_may_not_grant_does_the_rest_and_names_what_is_missing"]),
    ("A policy of the tenant forbids the secret, or so long a one", &["app_policies::a_lifetime_that_a_policy_forbids_is_refused_by_the_plan_with_its_name_and_what_it_allows", "app_policies::a_lifetime_is_shortened_on_request_without_a_failed_request_and_the_report_says_so", "app_policies::without_the_permission_nothing_is_asked_or_guessed_and_the_error_says_what_to_ask"]),
    ("A policy cannot be read, or a replica shows the one of before", &["app_policies::faults::what_cannot_be_read_of_a_policy_is_unknown_and_never_refused", "app_policies::faults::a_policy_that_is_read_too_late_is_told_by_the_refusal_and_by_the_next_plan"]),
    ("The secret does not work yet", &["secrets::readiness::a_secret_is_waited_for_until_it_works_three_times_in_a_row", "secrets::readiness::a_success_between_failures_does_not_count"]),
    ("The program is started again before the secret works", &["secrets::readiness::after_a_restart_a_stored_secret_is_waited_for_by_its_ids_and_value"]),
    ("The secret does not work in the time allowed", &["secrets::readiness::a_deadline_ends_the_wait_and_the_secret_stays"]),
    ("Something is printed, or shown in an error or a panic", &["redaction::types::no_type_shows_a_secret_in_any_way", "redaction::types::no_type_of_a_feature_shows_a_secret", "redaction::types::every_public_type_is_listed"]),
    ("Everything is logged, at the most verbose level, while requests fail", &["faults::random::registrations_converge_under_random_faults", "redaction::logs::the_most_verbose_trace_holds_no_secret_and_no_token", "redaction::logs::the_libraries_below_log_no_secret_either"]),
    // … a credential is rotated
    ("A request of a rotation fails, in any way", &["rotation::faults::every_request_of_a_rotation_fails_once_in_every_outcome", "rotation::faults::random_faults_and_lag_break_no_rotation"]),
    ("The process of a rotation ends at any request", &["rotation::faults::the_process_of_a_rotation_ends_at_every_request_before_and_after_its_effect"]),
    ("Two processes rotate at once", &["rotation::faults::two_rotate_at_once"]),
    ("The store refuses what was issued", &["rotation::rotating::what_cannot_be_stored_is_taken_back_and_reported_with_its_value_if_that_fails"]),
    ("The store does not give back what it was given, or cannot be asked", &["rotation::rotating::nothing_goes_where_the_store_does_not_give_back_what_it_was_given_or_cannot_be_asked"]),
    ("Somebody has removed the new credential, which still signs in for a while", &["rotation::rotating::the_sign_in_service_is_waited_for_and_a_removed_one_that_still_works_proves_nothing"]),
    ("Others have issued credentials of the same description", &["rotation::defects::what_others_have_issued_stays_even_if_it_bears_the_same_description"]),
    ("The response to the change of an app's own certificate is lost", &["rotation::own::an_own_rotation_that_is_disturbed_is_made_up_for"]),
    // … signing in fails
    ("The sign-in service refuses, with any of the codes that it is known for", &["sign_in_errors::every_code_comes_out_as_its_reason_with_a_remedy_and_its_ids"]),
    ("The sign-in service gives no code", &["sign_in_errors::an_error_without_a_code_is_told_by_its_name"]),
    ("The secret's ID was given instead of its Value", &["sign_in_errors::the_ids_that_look_like_secrets_are_told_apart"]),
    ("The sign-in service asks for a further factor (MFA), or Conditional Access does", &["sign_in_errors::a_step_up_is_handed_on_with_its_claims"]),
    ("Graph wants other claims than the token has", &["consent::a_claims_challenge_is_answered_once_and_then_shown"]),
    ("The sign-in service is busy, or cannot be reached", &["sign_in_errors::every_code_comes_out_as_its_reason_with_a_remedy_and_its_ids", "flows::the_old_token_bridges_an_outage_of_the_sign_in_service"]),
    ("A person takes their time with a device code, or the service says that it is asked too often", &["flows::a_person_signs_in_by_device_when_they_are_ready"]),
    ("The person declines, or nobody enters the code", &["flows::a_device_code_ends_when_it_is_declined_blocked_or_left_alone"]),
    ("The person cancels in the browser, or may not consent", &["sign_in_errors::what_goes_wrong_in_the_browser_comes_back_to_the_program"]),
    ("Entra shows an error page of its own, such as for a redirect URI that the app does not have", &["sign_in_errors::what_ends_on_a_page_of_entras_ends_with_the_time_allowed"]),
    ("No browser opens", &["flows::where_no_browser_opens_a_device_code_is_shown"]),
    ("None of several ways works", &["flows::the_first_of_several_ways_that_works_is_taken"]),
    ("A refresh token is used", &["flows::each_renewal_at_home_hands_the_new_refresh_token_over", "flows::one_refresh_token_signs_in_to_several_tenants"]),
    ("A sign-in with a refresh token is refused", &["sign_in_errors::a_refusal_leaves_the_refresh_token_where_it_is"]),
    ("The caller lacks a role", &["consent::a_persons_roles_are_read_from_their_token_and_one_that_is_activated_counts_after_a_new_sign_in"]),
    ("The caller may not consent", &["consent::a_preflight_informs_and_an_apply_does_what_it_may"]),
    ("An administrator consents by link", &["flows::an_administrator_consents_by_link_and_the_grants_are_proved"]),
    ("A consent by link fails or is cancelled", &["sign_in_errors::a_consent_that_fails_comes_back_as_its_reason"]),
    ("A callback comes from another tenant than the one whose link it is, or comes twice", &["partner::manual_consent::a_callback_counts_once_and_from_its_own_customers_tenant_alone"]),
    ("A tenant lacks an API that a group of permissions can do without", &["install::per_tenant::a_group_is_left_out_where_an_api_is_missing_and_granted_once_it_is_there"]),
    ("A tenant has no licence for what a permission is for", &["install::per_tenant::a_licence_that_nobody_has_looked_for_is_said_and_undoes_nothing"]),
    ("A customer typed in the wrong id, tenant or secret", &["diagnose::each_mistake_is_named"]),
    // … several run at once, or one stops half-way
    ("Two or ten processes apply the same registration at once", &["concurrency::two_appliers_at_once_end_with_one_of_everything", "concurrency::ten_appliers_at_once_end_with_one_of_everything"]),
    ("Tasks of one client apply the same registration at once", &["concurrency::one_client_writes_one_application_at_a_time"]),
    ("The future is dropped at any await", &["concurrency::an_apply_that_is_dropped_anywhere_is_completed_by_the_next"]),
    ("The process ends at any request", &["faults::each_request::the_process_ends_at_every_request_before_and_after_its_effect"]),
    ("The tenant changes between plan and apply", &["plans::a_plan_whose_target_has_moved_is_stale"]),
    ("Somebody adds to the app after the plan was made", &["others::what_an_administrator_added_after_the_plan_stays", "others::what_is_exact_removes_nothing_that_the_plan_did_not_show"]),
    ("A permission is revoked after the plan was made", &["plans::approvals_are_judged_on_what_is_written_from", "plans::what_the_plan_does_not_show_is_not_done"]),
    ("An app of the same display name is made after the plan", &["identity::an_app_of_the_same_display_name_that_was_made_since_stops_the_apply"]),
    ("A deleted application holds the unique name", &["identity::a_unique_name_held_by_a_deleted_app_is_known_before_anything_is_written", "identity::a_holder_that_a_plan_could_not_see_is_an_error_of_the_apply"]),
    ("A secret sink hangs while another apply of the app waits", &["concurrency::a_sink_that_hangs_holds_up_another_apply_no_longer_than_that_ones_deadline"]),
    ("The app has values that today's rules refuse", &["kept_values::values_that_todays_rules_refuse_are_named_by_the_plan_and_by_the_refusal"]),
    ("A thousand callers need a token", &["concurrency::a_thousand_callers_make_one_token_request"]),
    // … the other side is hostile
    ("A list's next link leads to another host, another port, to http, or hides that by a user name, an escape or a letter that looks alike", &["hostile::links::a_next_link_elsewhere_is_not_followed"]),
    ("It leads to Graph, in capitals or with the port written out", &["hostile::links::a_next_link_to_graph_is_followed_however_it_is_written"]),
    ("A next link is longer than any URL", &["hostile::links::a_next_link_longer_than_any_address_is_refused"]),
    ("Pages link in a circle", &["hostile::links::pages_in_a_circle_end"]),
    ("Empty pages come without end", &["hostile::links::endless_empty_pages_end"]),
    ("A list has no end", &["hostile::links::an_endless_list_is_not_collected"]),
    ("A response redirects, to http or elsewhere, by any status", &["http::a_redirect_is_not_followed", "hostile::links::a_response_that_points_elsewhere_is_not_followed", "hostile::http::a_redirect_carries_neither_token_nor_secret", "hostile::http::a_custom_reqwest_builder_follows_no_redirect"]),
    ("A success names another place: `Location`, `Refresh`, `Alt-Svc`", &["hostile::links::a_response_that_points_elsewhere_is_not_followed"]),
    ("A refusal names another sign-in service", &["hostile::links::a_refusal_that_names_another_sign_in_service_is_not_believed"]),
    ("A body has gigabytes, by its length, in chunks or until the connection ends", &["http::a_body_is_bounded_and_unpacked", "hostile::http::an_endless_body_is_refused"]),
    ("A compressed body is many times as large as it looks", &["hostile::http::a_gzip_bomb_is_refused"]),
    ("Few bytes of JSON would become large objects", &["hostile::responses::a_few_bytes_do_not_become_gigabytes"]),
    ("JSON is nested without end", &["hostile::responses::deeply_nested_json_overflows_no_stack"]),
    ("Headers have no end, or one of them", &["hostile::http::endless_headers_are_refused", "hostile::responses::a_batch_item_with_thousands_of_headers_is_read"]),
    ("A server sends a little, and then nothing", &["hostile::http::a_response_that_stalls_times_out"]),
    ("A response is no HTTP, or says it is compressed and is not", &["hostile::http::a_response_that_is_no_http_is_a_network_error", "hostile::http::a_body_that_is_no_gzip_is_a_network_error"]),
    ("A server says “retry later” for ever, or in a thousand years", &["hostile::responses::no_retry_after_makes_the_client_wait_or_retry_for_ever"]),
    ("A status code does not exist", &["hostile::responses::each_status_is_a_success_or_an_error"]),
    ("Any byte of a response or of a plan is changed", &["hostile::corrupted::no_corrupted_response_breaks_a_call", "hostile::corrupted::a_corrupted_plan_is_refused_or_is_still_a_plan"]),
    ("An item of a batch cannot be read", &["hostile::responses::an_unreadable_batch_item_harms_no_other"]),
    ("A response repeats the token or the secret that was sent", &["hostile::responses::no_error_repeats_the_token_or_the_secret_that_was_sent"]),
    ("An error's text, or a name in the tenant, holds line ends and control characters", &["hostile::responses::an_error_is_one_line_without_control_characters", "hostile::responses::a_name_in_the_tenant_forges_no_line_of_a_plan"]),
    ("A token has odd claims, or is none", &["hostile::responses::the_claims_of_a_token_are_not_relied_on", "hostile::responses::a_token_response_without_a_token_is_an_error"]),
    ("The environment names a proxy", &["hostile::http::a_token_to_loopback_bypasses_the_proxy_of_the_environment"]),
    ("A plan file was tampered with", &["plans::a_plan_that_was_tampered_with_is_checked_again"]),
    // … a text is an attack
    ("A unique name, a display name or an id holds quotes, slashes, dots, escapes or the words of a query", &["hostile::texts::a_unique_name_is_one_path_segment", "hostile::texts::an_id_is_one_path_segment_or_is_refused"]),
    ("Such a text stands in a `$filter`, a `$search` or another option of a list", &["hostile::texts::a_text_in_a_filter_is_one_literal", "hostile::texts::a_text_in_a_search_is_one_phrase", "hostile::texts::a_query_option_is_one_pair"]),
    ("Such a text stands in the path or the body of an item of a batch", &["hostile::texts::a_text_in_a_batch_item_adds_no_item", "hostile::texts::a_text_in_a_body_is_one_string"]),
    ("No URL can hold the text: control characters, or too long", &["hostile::texts::a_text_that_no_url_can_hold_is_refused_before_it_is_sent"]),
    ("The text is a URI", &["hostile::texts::uris_are_sent_as_they_were_written", "hostile::texts::a_redirect_uri_is_refused_or_registered_unchanged"]),
    ("A tenant's name would change the URL of the sign-in service", &["hostile::texts::a_tenant_is_one_path_segment_and_a_secret_one_form_field", "hostile::responses::an_invalid_tenant_is_refused_before_a_secret_is_sent"]),
    ("The tenant accepts the text", &["hostile::texts::a_text_that_the_tenant_accepts_is_stored_unchanged"]),
    ("The response to a creation by a typed call is lost", &["client::any_request::a_post_is_repeated_only_where_the_caller_says_so"]),
    ("A client with a deadline is kept for hours", &["client::deadlines::a_client_that_is_kept_does_not_die_of_age"]),
    ("A stream of a list meets an error", &["client::lists::a_stream_ends_behind_an_error_and_next_goes_on_with_the_same_page"]),
    ("The response to `add_password` is lost", &["client::lost_secrets::a_lost_secret_is_found_by_what_was_asked_for_and_no_other_is"]),
];

/// What happens, of each row of the page's tables.
fn promises() -> Vec<&'static str> {
    let rows = PAGE.lines().filter(|line| line.starts_with("| ") && !line.starts_with("| What happens |"));
    rows.map(|row| row.trim_start_matches("| ").split(" | ").next().unwrap_or_default()).collect()
}

/// The names of the tests in a file that are not ignored.
#[derive(Default)]
struct Tests(Vec<String>);

impl<'ast> Visit<'ast> for Tests {
    fn visit_item_fn(&mut self, item: &'ast syn::ItemFn) {
        let has = |name: &str| {
            let last = |attribute: &syn::Attribute| attribute.path().segments.last().is_some_and(|it| it.ident == name);
            item.attrs.iter().any(last)
        };
        if has("test") && !has("ignore") {
            self.0.push(item.sig.ident.to_string());
        }
        visit::visit_item_fn(self, item);
    }
}

#[test]
fn every_promise_of_the_page_is_shown_by_a_test() {
    let promises = promises();
    assert!(promises.len() > 20, "the tables were not found");
    let promised: BTreeSet<_> = promises.iter().copied().collect();
    assert_eq!(promised.len(), promises.len(), "a promise stands twice on the page");
    let shown: BTreeSet<_> =
        SHOWN_BY.iter().filter(|(_, tests)| !tests.is_empty()).map(|(promise, _)| *promise).collect();
    assert_eq!(shown.len(), SHOWN_BY.len(), "a promise stands twice in the list, or without a test");
    let unshown: Vec<_> = promised.difference(&shown).collect();
    assert!(unshown.is_empty(), "no test is named for {unshown:#?}");
    let gone: Vec<_> = shown.difference(&promised).collect();
    assert!(gone.is_empty(), "the page does not say {gone:#?}");
}

#[test]
fn every_test_that_shows_a_promise_exists_and_runs() {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests");
    for name in SHOWN_BY.iter().flat_map(|(_, tests)| *tests) {
        let (module, function) = name.rsplit_once("::").expect("a module and a function");
        let file = format!("{}.rs", module.replace("::", "/"));
        let files = [tests.join("it").join(&file), tests.join(&file)];
        let text = files.iter().find_map(|file| std::fs::read_to_string(file).ok());
        let text = text.unwrap_or_else(|| panic!("{name}: none of {files:?} is there"));
        let mut tests = Tests::default();
        tests.visit_file(&syn::parse_file(&text).expect("the file is Rust"));
        assert!(tests.0.iter().any(|test| test == function), "there is no test {name}, or it is ignored");
    }
}

/// The page of codes lists what can come out: a code of a refused sign-in has its numbers, any other is made somewhere.
#[test]
fn every_code_can_come_out() {
    fn read(folder: &Path, all: &mut String) {
        for entry in std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
            match entry.is_dir() {
                true => read(&entry, all),
                false if entry.ends_with("error/code.rs") || entry.extension().is_none_or(|it| it != "rs") => {}
                false => all.push_str(&std::fs::read_to_string(&entry).unwrap()),
            }
        }
    }
    let mut sources = String::new();
    read(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut sources);
    let made: BTreeSet<&str> = sources
        .split("ErrorCode::")
        .skip(1)
        .filter_map(|rest| rest.split(|letter: char| !letter.is_alphanumeric()).next())
        .collect();
    let names = entra_apps::ErrorCode::ALL.iter().filter(|code| code.aadsts_numbers().is_empty());
    let unused: Vec<_> = names.filter(|code| !made.contains(format!("{code:?}").as_str())).collect();
    assert!(unused.is_empty(), "nothing fails with {unused:?}");
}
