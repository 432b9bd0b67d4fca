//! Plays the administrator: opens the page, follows the link, signs in, accepts, and is sent back.

use std::sync::Arc;

use entra_apps::bytes::Bytes;
use entra_apps::http::{Request, StatusCode, header};
use entra_apps::transport::Transport;
use entra_apps::url::Url;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

type Failure = Box<dyn std::error::Error>;

/// Who follows links, and how the sign-in service is reached.
pub(crate) struct Administrator {
    pub(crate) transport: Arc<dyn Transport>,
    /// Where the example's own pages are.
    pub(crate) address: Url,
}

impl Administrator {
    /// Consents, and tells each step.
    pub(crate) async fn consent(&self, tell: &dyn Fn(&str)) -> Result<(), Failure> {
        let page = self.get(&self.address.join("/")?).await?;
        let link = links(&page).find(|link| link.contains("/adminconsent?")).ok_or("the page has no link")?;
        let link = Url::parse(&link)?;
        tell(&format!("The page shows the link {link}"));
        // Anybody can send the browser to the callback.
        let forged = "/callback?admin_consent=True&tenant=11111111-1111-1111-1111-111111111111&state=guessed";
        let refused = self.get(&self.address.join(forged)?).await?;
        tell(&format!("An answer that nobody asked for: {}", words(&refused)));
        let back = self.sign_in(&link, tell).await?;
        tell(&format!("Microsoft sends the browser back to {back}"));
        let shown = self.get(&back).await?;
        tell(&format!("The browser shows: {}", words(&shown)));
        Ok(())
    }

    /// Where the sign-in service sends the browser. Where it asks who it is, the first is taken.
    async fn sign_in(&self, link: &Url, tell: &dyn Fn(&str)) -> Result<Url, Failure> {
        let mut url = link.clone();
        for _ in 0..3 {
            let answer = self.transport.send(Request::get(url.as_str()).body(Bytes::new())?).await?;
            if let Some(back) = answer.headers().get(header::LOCATION) {
                return Ok(Url::parse(back.to_str()?)?);
            }
            let page = String::from_utf8_lossy(answer.body()).into_owned();
            tell(&format!("Microsoft's page: {}", words(&page)));
            if answer.status() != StatusCode::OK {
                return Err(format!("the link leads to an error page: {}", words(&page)).into());
            }
            let person = links(&page).find(|link| link.contains("_as=")).ok_or("there is nobody who could sign in")?;
            url = url.join(&person)?;
        }
        Err("the sign-in leads nowhere".into())
    }

    /// Gets a page of the example's own, as a browser does.
    async fn get(&self, page: &Url) -> Result<String, Failure> {
        let port = page.port().ok_or("the page is not on this machine")?;
        let target = page.query().map_or(page.path().to_owned(), |query| format!("{}?{query}", page.path()));
        let mut stream = TcpStream::connect(("127.0.0.1", port)).await?;
        stream.write_all(format!("GET {target} HTTP/1.1\r\nHost: localhost:{port}\r\n\r\n").as_bytes()).await?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await?;
        Ok(answer.split_once("\r\n\r\n").map_or(String::new(), |(_, page)| page.to_owned()))
    }
}

/// The addresses that a page leads to.
fn links(page: &str) -> impl Iterator<Item = String> {
    let link = |rest: &str| rest.split('"').next().unwrap_or_default().replace("&amp;", "&");
    page.split("href=\"").skip(1).map(link)
}

/// What a person reads of a page: its text, without tags.
fn words(page: &str) -> String {
    let main = page.split_once("<main>").map_or(page, |(_, main)| main);
    let text: String = main
        .split('<')
        .map(|part| part.split_once('>').map_or(part, |(_, text)| text))
        .flat_map(|text| text.split_whitespace().chain([""]))
        .filter(|word| !word.is_empty())
        .flat_map(|word| [word, " "])
        .collect();
    text.trim_end().replace("&quot;", "\"").replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
}
