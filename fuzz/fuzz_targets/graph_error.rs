//! Graph's refusal, or a proxy's: the first byte is the status, the second what was asked for and whether the response has
//! a mark of Graph's, the rest the body.
#![no_main]

use entra_apps::ErrorCode;
use entra_apps::ids::{AppId, ServicePrincipalId};
use entra_apps::model::{NewApplication, NewPasswordCredential, NewServicePrincipal};
use entra_apps_fuzz::{Answer, Scripted, block_on, check, client};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let [status, kind, body @ ..] = data else { return };
    let status = [400, 401, 402, 403, 404, 405, 408, 409, 412, 423, 424, 429, 500, 502, 503, 504, 301, 308, 999, 600]
        [usize::from(*status) % 20];
    let is_marked = kind & 128 != 0;
    let marks = if is_marked { vec![("request-id", b"the-id".to_vec())] } else { Vec::new() };
    let transport = Scripted::again(vec![Answer::Response(status, marks, body.to_vec())]);
    let client = client(transport.clone());
    let id = AppId::from_u128(7);
    block_on(async {
        match kind % 7 {
            0 => check(client.applications().create(&NewApplication::new("x")).await).is_none(),
            1 => check(client.applications().find(id).await).flatten().is_none(),
            2 => check(client.applications().delete(id).await).is_none() || status == 404,
            3 => check(client.applications().add_password(id, &NewPasswordCredential::new()).await).is_none(),
            4 => check(client.service_principals().create(&NewServicePrincipal::new(id)).await).is_none(),
            5 => check(client.app_role_assignments().list_held_by(ServicePrincipalId::from_u128(1)).all().await)
                .is_none(),
            _ => {
                let organization = client.organization().get().await;
                // An envelope, a code or a sentence of Graph's has at least one of these.
                let may_be_graphs =
                    is_marked || body.iter().any(|byte| matches!(byte.to_ascii_lowercase(), b'e' | b'_' | b'\\'));
                let code = organization.as_ref().map_err(entra_apps::Error::code).err();
                assert!(
                    may_be_graphs || matches!(code, Some(ErrorCode::AnsweredByProxy | ErrorCode::Redirected)),
                    "{code:?}"
                );
                check(organization).is_none()
            }
        }
    });
    assert!(transport.requests() < 300);
});
