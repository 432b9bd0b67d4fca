//! The emulator in place of Microsoft, and administrators who connect their tenants: nothing of this is in a product.

use std::sync::Arc;
use std::time::Duration;

use entra_apps::bytes::Bytes;
use entra_apps::cloud::Cloud;
use entra_apps::directory_role::DirectoryRole;
use entra_apps::http::{HeaderMap, Request, Response, StatusCode, header};
use entra_apps::permission::microsoft_graph::{application, delegated};
use entra_apps::transport::{ReqwestTransport, Transport};
use entra_apps::url::Url;

use entra_apps::{AppRegistration, Client, ClientSecret, RedirectUri, SignInAudience};
use entra_emulator::{MemoryCloud, MemoryTenant};

use super::{REDIRECT_URI, Vendor};

type Failure = Box<dyn std::error::Error>;

/// A browser, with the administrator before it.
pub(crate) struct Administrator {
    /// How the sign-in service is reached.
    microsoft: Arc<dyn Transport>,
    domain: String,
}

/// What the vendor sells, registered in the vendor's tenant by `client`.
async fn register(client: &Client, microsoft: Arc<dyn Transport>) -> Result<Vendor, Failure> {
    let backup = AppRegistration::new("contoso-backup", "Contoso Backup")
        .audience(SignInAudience::MultipleOrganizations)
        .redirect_uri(RedirectUri::web(REDIRECT_URI)?)
        .permission(application::DIRECTORY_READ_ALL)
        .permission(delegated::USER_READ)
        .credential(ClientSecret::new("Backup"))
        .without_admin_consent(); // that is what the link is for
    let registered = client.apply(&client.plan(&backup).replace_secret("Backup").await?).await?;
    let (Some(app), [secret]) = (&registered.application, &registered.secrets[..]) else {
        return Err("the app was not registered".into());
    };
    let own = Client::builder().cloud(client.cloud().clone()).tenant(registered.tenant_id).transport(microsoft);
    Ok(Vendor {
        app: backup.consent_app(app.app_id, registered.tenant_id),
        client: own.client_secret(app.app_id, secret.value.clone()).deadline(Duration::from_secs(120)).build()?,
        wanted: backup.wanted_permissions().cloned().collect(),
    })
}

/// A vendor and two customers: tenants that know of one another.
pub(crate) async fn in_memory() -> Result<(Vendor, Vec<Administrator>), Failure> {
    let domains = ["vendor.onmicrosoft.com", "northwind.onmicrosoft.com", "fabrikam.onmicrosoft.com"];
    let cloud = MemoryCloud::new(domains.map(|domain| MemoryTenant::builder().domain(domain)));
    let microsoft: Arc<dyn Transport> = Arc::new(cloud.clone());
    let mut administrators = Vec::new();
    for customer in &cloud.tenants()[1..] {
        customer.add_user("Ada Lovelace", &[DirectoryRole::GLOBAL_ADMINISTRATOR.id()]);
        administrators.push(Administrator { microsoft: Arc::clone(&microsoft), domain: customer.domain().to_owned() });
    }
    Ok((register(&cloud.tenants()[0].client(), microsoft).await?, administrators))
}

/// The emulator's own tenant is the vendor's and the customer's.
pub(crate) async fn emulated(address: &Url, follow: bool) -> Result<(Vendor, Vec<Administrator>), Failure> {
    let microsoft: Arc<dyn Transport> = Arc::new(ReqwestTransport::new()?);
    let start = "start it: cargo run -p entra-emulator -- --port 8400";
    let response = microsoft.send(Request::get(address.as_str()).body(Bytes::new())?).await;
    let response = response.map_err(|error| format!("no emulator answers at {address} ({error}); {start}"))?;
    let hello: serde_json::Value = serde_json::from_slice(response.body())
        .map_err(|_| format!("something else than the emulator answers at {address}; {start}"))?;
    let text = |name: &str| hello[name].as_str().ok_or_else(|| format!("the emulator at {address} says no {name}"));
    let client = Client::builder()
        .cloud(Cloud::custom("emulator", address, address)?)
        .tenant(text("tenantId")?)
        .client_secret(text("clientId")?.parse()?, text("clientSecret")?.into())
        .transport(Arc::clone(&microsoft))
        .build()?;
    let vendor = register(&client, Arc::clone(&microsoft)).await?;
    let administrator = follow.then(|| Administrator { microsoft, domain: String::new() });
    Ok((vendor, administrator.into_iter().collect()))
}

impl Administrator {
    /// Goes from the service's page to Microsoft's, signs in, accepts, and comes back.
    pub(crate) async fn connect(&self, address: &str, tell: impl Fn(&str)) -> Result<(), Failure> {
        let service = ReqwestTransport::new()?;
        let sent = get(&service, &format!("{address}/connect?tenant={}", self.domain), &HeaderMap::new()).await?;
        let cookie = sent.headers().get(header::SET_COOKIE).ok_or("the service gives no cookie")?.to_str()?;
        let cookie = cookie.split(';').next().unwrap_or_default().parse()?;
        let cookies = HeaderMap::from_iter([(header::COOKIE, cookie)]);
        let link = location(&sent).ok_or("the service sends the browser nowhere")?;
        tell(&format!("The service sends the browser to {link}"));

        let back = self.sign_in(&link, &tell).await?;
        tell(&format!("Microsoft sends the browser back to {back}"));
        let forged = format!("{address}/callback?admin_consent=True&tenant={}&state=guessed", uuid_of_nobody());
        for (what, url, cookies) in [
            ("An answer that nobody asked for", forged.as_str(), &cookies),
            ("Another browser with this answer", back.as_str(), &HeaderMap::new()),
        ] {
            let refused = get(&service, url, cookies).await?;
            tell(&format!("{what}: {}", words(&refused)));
            if refused.status() != StatusCode::BAD_REQUEST {
                return Err(format!("{what} was taken").into());
            }
        }
        tell(&format!("The browser shows: {}", words(&get(&service, back.as_str(), &cookies).await?)));
        let again = get(&service, back.as_str(), &cookies).await?;
        tell(&format!("The same answer again: {}", words(&again)));
        if again.status() == StatusCode::OK { Err("an answer was taken twice".into()) } else { Ok(()) }
    }

    /// Where the sign-in service sends the browser. Where it asks who it is, the first is taken.
    async fn sign_in(&self, link: &str, tell: &impl Fn(&str)) -> Result<String, Failure> {
        let mut url = Url::parse(link)?;
        for _ in 0..3 {
            let response = get(&*self.microsoft, url.as_str(), &HeaderMap::new()).await?;
            if let Some(back) = location(&response) {
                return Ok(back);
            }
            tell(&format!("Microsoft's page: {}", words(&response)));
            let page = String::from_utf8_lossy(response.body()).into_owned();
            let mut links = page.split("href=\"").skip(1).map(|rest| rest.split('"').next().unwrap_or_default());
            let person = links.find(|link| link.contains("_as=")).ok_or("there is nobody who could sign in")?;
            url = url.join(&person.replace("&amp;", "&"))?;
        }
        Err("the sign-in leads nowhere".into())
    }
}

fn uuid_of_nobody() -> &'static str {
    "11111111-1111-1111-1111-111111111111"
}

async fn get(transport: &dyn Transport, url: &str, headers: &HeaderMap) -> Result<Response<Bytes>, Failure> {
    let mut request = Request::get(url).body(Bytes::new())?;
    request.headers_mut().extend(headers.clone());
    Ok(transport.send(request).await?)
}

fn location(response: &Response<Bytes>) -> Option<String> {
    Some(response.headers().get(header::LOCATION)?.to_str().ok()?.to_owned())
}

/// What a person reads of a page: its text, without tags.
fn words(response: &Response<Bytes>) -> String {
    let page = String::from_utf8_lossy(response.body()).into_owned();
    let main = page.split_once("<h1>").map_or(&*page, |(_, main)| main);
    let text: String =
        main.split('<').map(|part| part.split_once('>').map_or(part, |(_, text)| text)).collect::<Vec<_>>().join(" ");
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    text.replace("&quot;", "\"").replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
}
