//! The page on which a user enters the code of a device.

use bytes::Bytes;
use http::{Response, StatusCode};

use super::SignInRequest;
use super::response::{escape, page};
use crate::cloud_state::CloudState;

const TITLE: &str = "Enter code";

impl CloudState {
    pub(super) fn device_page(&mut self, request: &SignInRequest<'_>) -> Response<Bytes> {
        let form = request.browser_form();
        let Some(code) = form.optional("otc") else {
            let body = "<form method=\"get\"><label>Code <input name=\"otc\" autofocus></label> <button>Next</button>\
                </form>";
            return page(StatusCode::OK, TITLE, body);
        };
        let account = self.browser_account(request, &form);
        let is_cancelled = self.is_cancelled(&form);
        if account.is_none() && !is_cancelled {
            return self.account_picker_page(request.tenant, "Sign in to your device", "", &form);
        }
        let account = account.filter(|_| !is_cancelled);
        if !self.decide_device_code(request.moment(), code, account.as_ref()) {
            let body = format!("<p>The code {} did not work. Check the code and try again.</p>", escape(code));
            return page(StatusCode::BAD_REQUEST, TITLE, &body);
        }
        let outcome = if account.is_some() { "You have signed in on your device." } else { "You have cancelled." };
        page(StatusCode::OK, TITLE, &format!("<p>{outcome} You may now close this window.</p>"))
    }
}
