//! Lists: a query, sent page by page.

use std::collections::HashSet;
use std::fmt;
use std::future::{Future, poll_fn};
use std::hash::{BuildHasher, RandomState};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use futures_core::Stream;
use http::Method;
use serde::Serialize;
use serde::de::DeserializeOwned;
use tracing::Instrument as _;
use url::Url;

use crate::client::decode::json_by;
use crate::client::recent_writes::ObjectKind;
use crate::client::request::{Request, Target};
use crate::client::{Call, Client};
use crate::error::{Error, ErrorCode};
use crate::model::query::{Filter, Query};
use crate::model::{Envelope, Property, Regular};
use crate::retry::Response;

/// A list, to be narrowed and then read: all at once, by item, or by page.
///
/// ```
/// # use entra_emulator::MemoryTenant;
/// # tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(async {
/// use entra_apps::api::Filter;
/// use entra_apps::model::{ApplicationProperty, NewApplication};
///
/// let client = MemoryTenant::new().client();
/// client.applications().create(&NewApplication::new("O'Brien & Sons")).await?;
/// let mut found = client
///     .applications()
///     .list()
///     .filter(Filter::starts_with(ApplicationProperty::DisplayName, "O'B"))
///     .select([ApplicationProperty::AppId, ApplicationProperty::DisplayName])
///     .items();
/// while let Some(app) = found.next().await? {
///     assert_eq!(app.display_name.as_deref(), Some("O'Brien & Sons"));
/// }
/// # Ok::<(), entra_apps::Error>(()) }).unwrap();
/// ```
///
/// # Panics
/// As [`Client`] says of the runtime.
#[derive(Debug)]
#[must_use = "a list does nothing until it is read"]
pub struct List<T> {
    client: Client,
    request: Result<Request, Error>,
    query: Query,
    items: std::marker::PhantomData<fn() -> T>,
}

impl<T> Clone for List<T> {
    fn clone(&self) -> Self {
        Self { client: self.client.clone(), request: copy(&self.request), query: self.query.clone(), items: self.items }
    }
}

/// One page of a list.
///
/// # JSON
/// `value`, and `count` where it was asked for.
///
/// ```
/// # use entra_emulator::MemoryTenant;
/// # tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(async {
/// let client = MemoryTenant::new().client();
/// let page = client.applications().list().count().page().await?;
/// assert_eq!(page.count, Some(page.value.len() as u64));
/// assert!(!page.has_next());
/// # Ok::<(), entra_apps::Error>(()) }).unwrap();
/// ```
#[derive(Debug, Serialize)]
#[non_exhaustive]
pub struct Page<T> {
    /// The items; a page can be empty although another follows.
    pub value: Vec<T>,
    /// How many items the whole list has, where that was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub count: Option<u64>,
    #[serde(skip)]
    next: Option<Url>,
    /// Of its body, in bytes.
    #[serde(skip)]
    size: usize,
}

impl<T> Page<T> {
    pub(crate) fn empty() -> Self {
        Self { value: Vec::new(), count: None, next: None, size: 0 }
    }

    /// Whether another page follows.
    pub fn has_next(&self) -> bool {
        self.next.is_some()
    }
}

impl<T: DeserializeOwned + Send + 'static> List<T> {
    pub(super) fn new(
        client: &Client,
        operation: &'static str,
        permissions: &'static str,
        segments: impl IntoIterator<Item = impl Into<String>>,
    ) -> Self {
        Self::of(client, Ok(Request::new(operation, permissions, Method::GET, segments)))
    }

    /// The list that a request returns.
    pub(crate) fn of(client: &Client, request: Result<Request, Error>) -> Self {
        Self { client: client.clone(), request, query: Query::default(), items: std::marker::PhantomData }
    }

    pub(super) fn object(mut self, kind: ObjectKind, id: impl ToString) -> Self {
        self.request = self.request.map(|request| request.object(kind, id));
        self
    }

    /// Keeps only what meets a condition. A second condition is added to the first.
    pub fn filter(mut self, filter: Filter) -> Self {
        self.query.filter = Some(match self.query.filter.take() {
            Some(earlier) => earlier.and(filter),
            None => filter,
        });
        self
    }

    /// Reads only these properties.
    pub fn select(mut self, properties: impl IntoIterator<Item = impl Into<Property>>) -> Self {
        self.query.select.extend(properties.into_iter().map(|property| property.into().as_str().to_owned()));
        self
    }

    /// Sorts by a property in ascending order: an advanced query.
    pub fn order_by(mut self, property: impl Into<Property>) -> Self {
        self.query.order_by.push(property.into().as_str().to_owned());
        self
    }

    /// Sorts by a property in descending order: an advanced query.
    pub fn order_by_descending(mut self, property: impl Into<Property>) -> Self {
        self.query.order_by.push(format!("{} desc", property.into().as_str()));
        self
    }

    /// Keeps only what has these words in a property: an advanced query.
    pub fn search(mut self, property: impl Into<Property>, words: &str) -> Self {
        let words = words.replace('\\', "\\\\").replace('"', "\\\"");
        self.query.search = Some(format!("\"{}:{words}\"", property.into().as_str()));
        self
    }

    /// Reads related objects with each, 20 at most of each. Not together with an advanced query.
    pub fn expand(mut self, relation: &str) -> Self {
        self.query.expand.push(relation.to_owned());
        self
    }

    /// Counts the whole list, in [`Page::count`]: an advanced query.
    pub fn count(mut self) -> Self {
        self.query.count = true;
        self
    }

    /// Sets the number of items in a page, from 1 to 999; 100 by default.
    pub fn top(mut self, items: u16) -> Self {
        self.query.top = Some(items);
        self
    }

    /// The request of the first page.
    fn first(self) -> (Client, Result<Request, Error>) {
        let request = self.request.and_then(|request| {
            let pairs = self.query.pairs()?;
            Ok(request.query(pairs, self.query.is_advanced()))
        });
        (self.client, request)
    }

    /// Makes a call of the first page that a batch can hold.
    pub fn page(self) -> Call<Page<T>> {
        let (client, request) = self.first();
        Call::new(&client, request, page)
    }

    /// Reads every item of every page, as one operation with one deadline.
    ///
    /// # Errors
    /// When a page cannot be read, or the list has more than 10,000 pages or a gigabyte: [`items`](Self::items) reads
    /// such a list without keeping it. Where the service forgets in between how far it has come, the list is begun anew
    /// once.
    pub async fn all(mut self) -> Result<Vec<T>, Error> {
        self.client = self.client.begin_operation();
        let span = self.client.list_span(self.request.as_ref().map_or("", |request| &request.operation));
        self.reader().gather(Vec::new()).instrument(span).await
    }

    /// A first page's items, as a batch gave it, and those of all pages that follow.
    pub(crate) async fn rest_of(self, page: Page<T>) -> Result<Vec<T>, Error> {
        let mut reader = self.reader();
        (reader.begun, reader.next) = (true, page.next);
        reader.gather(page.value).await
    }

    /// Reads item by item; pages are fetched as they are needed, and the first item is there after the first page.
    pub fn items(self) -> Items<T> {
        Items { pages: self.pages(), held: Vec::new().into_iter() }
    }

    /// Reads page by page. Each page is an operation with a deadline of its own.
    pub fn pages(self) -> Pages<T> {
        Pages { reader: Some(self.reader()), page: None, failed: false }
    }

    fn reader(self) -> Reader<T> {
        let (client, request) = self.first();
        Reader {
            client,
            request,
            begun: false,
            next: None,
            seen: Seen::default(),
            empty: 0,
            items: std::marker::PhantomData,
        }
    }
}

fn copy(request: &Result<Request, Error>) -> Result<Request, Error> {
    match request {
        Ok(request) => Ok(request.clone()),
        Err(error) => Err(error.copy()),
    }
}

/// Where the reading of a list is.
struct Reader<T> {
    client: Client,
    /// Of the first page.
    request: Result<Request, Error>,
    /// Whether the first page has been read.
    begun: bool,
    next: Option<Url>,
    seen: Seen,
    /// Pages without an item, one after the other.
    empty: u32,
    items: std::marker::PhantomData<fn() -> T>,
}

/// The next links that there were, each by its hash: a link can be long.
#[derive(Debug, Default)]
struct Seen {
    hasher: RandomState,
    links: HashSet<u64>,
}

impl Seen {
    /// Whether this one is new.
    fn is_new(&mut self, link: &Url) -> bool {
        self.links.insert(self.hasher.hash_one(link.as_str()))
    }
}

/// Pages without an item, one after the other: there can be some.
const MAX_EMPTY_PAGES: u32 = 1_000;

/// Pages that are kept as one list: ten thousand hold more than a directory does.
const MAX_PAGES: u32 = 10_000;

/// Bytes of pages that are kept as one list.
const MAX_BYTES: usize = 1 << 30;

impl<T: DeserializeOwned + Send + 'static> Reader<T> {
    /// The next page, or `None` behind the last. After an error, the same page is asked for again.
    async fn next(&mut self) -> Result<Option<Page<T>>, Error> {
        let mut request = copy(&self.request)?;
        let operation = request.operation.clone();
        match self.next.clone() {
            // It is taken verbatim, with the same headers as the first page.
            Some(link) => request.target = Target::Link(link),
            None if self.begun => return Ok(None),
            None => {}
        }
        let page = Call::new(&self.client, Ok(request), page).await?;
        self.begun = true;
        self.next.clone_from(&page.next);
        self.empty = if page.value.is_empty() { self.empty + 1 } else { 0 };
        let wrong = match &self.next {
            Some(link) if !self.seen.is_new(link) => ErrorCode::PagesInACircle,
            Some(_) if self.empty > MAX_EMPTY_PAGES => ErrorCode::PagesWithoutEnd,
            _ => return Ok(Some(page)),
        };
        self.next = None;
        Err(Error::new(wrong).during(operation))
    }

    /// All pages as one list, behind what is there already. It begins anew, once, where the service has forgotten how far
    /// it had come: nobody has seen any of it yet.
    async fn gather(mut self, mut all: Vec<T>) -> Result<Vec<T>, Error> {
        let (mut pages, mut bytes) = (0, 0_usize);
        let mut is_new = true;
        loop {
            let page = match self.next().await {
                Err(error) if error.code() == ErrorCode::ExpiredPageToken && is_new => {
                    is_new = false;
                    (self.begun, self.next, self.seen) = (false, None, Seen::default());
                    all.clear();
                    continue;
                }
                page => page?,
            };
            let Some(page) = page else { break };
            pages += 1;
            bytes = bytes.saturating_add(page.size);
            if pages > MAX_PAGES || bytes > MAX_BYTES {
                return Err(Error::new(ErrorCode::ListTooLong).during(self.request?.operation));
            }
            match all.is_empty() {
                true => all = page.value,
                false => all.extend(page.value),
            }
        }
        Ok(all)
    }
}

/// The reading of one page: the reader comes back with its result.
type PageFuture<T> = Pin<Box<dyn Future<Output = (Reader<T>, Result<Option<Page<T>>, Error>)> + Send>>;

/// A list that is read page by page. It is a [`Stream`] too, which ends behind an error.
///
/// A future of [`next`](Self::next) that is dropped loses nothing: the next one goes on with the same page.
///
/// ```
/// # use entra_emulator::MemoryTenant;
/// # tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(async {
/// let client = MemoryTenant::new().client();
/// let mut pages = client.service_principals().list().top(5).pages();
/// while let Some(page) = pages.next().await? {
///     println!("{} more", page.value.len());
/// }
/// # Ok::<(), entra_apps::Error>(()) }).unwrap();
/// ```
pub struct Pages<T> {
    /// None while a page is under way.
    reader: Option<Reader<T>>,
    page: Option<PageFuture<T>>,
    /// Whether the stream has given an error.
    failed: bool,
}

impl<T: DeserializeOwned + Send + 'static> Pages<T> {
    /// The next page, or `None` behind the last. A page can be empty.
    ///
    /// # Errors
    /// When the page cannot be read; the same page is asked for again by the next call. With the code
    /// [`ExpiredPageToken`](crate::ErrorCode::ExpiredPageToken) the service has forgotten how far it had come: begin anew.
    pub async fn next(&mut self) -> Result<Option<Page<T>>, Error> {
        poll_fn(|context| self.poll_again(context)).await
    }

    /// Polls for the next page, as [`next`](Self::next) reads it.
    pub(crate) fn poll_again(&mut self, context: &mut Context<'_>) -> Poll<Result<Option<Page<T>>, Error>> {
        self.failed = false;
        self.poll_page(context)
    }

    fn poll_page(&mut self, context: &mut Context<'_>) -> Poll<Result<Option<Page<T>>, Error>> {
        let mut page = match (self.page.take(), self.reader.take()) {
            (Some(page), _) => page,
            (None, Some(mut reader)) => Box::pin(async move {
                let page = reader.next().await;
                (reader, page)
            }),
            // The last one has panicked.
            (None, None) => return Poll::Ready(Ok(None)),
        };
        match page.as_mut().poll(context) {
            Poll::Ready((reader, page)) => {
                self.reader = Some(reader);
                Poll::Ready(page)
            }
            Poll::Pending => {
                self.page = Some(page);
                Poll::Pending
            }
        }
    }
}

impl<T: DeserializeOwned + Send + 'static> Stream for Pages<T> {
    type Item = Result<Page<T>, Error>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let pages = self.get_mut();
        if pages.failed {
            return Poll::Ready(None);
        }
        let page = ready!(pages.poll_page(context));
        pages.failed = page.is_err();
        Poll::Ready(page.transpose())
    }
}

impl<T> fmt::Debug for Pages<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let request = self.reader.as_ref().and_then(|reader| reader.request.as_ref().ok());
        f.debug_struct("Pages").field("request", &request).finish_non_exhaustive()
    }
}

/// A list that is read item by item. It is a [`Stream`] too, which ends behind an error.
///
/// ```
/// # use entra_emulator::MemoryTenant;
/// # tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(async {
/// use std::future::poll_fn;
/// use std::pin::Pin;
///
/// use entra_apps::futures_core::Stream;
///
/// let client = MemoryTenant::new().client();
/// let mut apps = client.applications().list().items();
/// // With `futures::StreamExt` this is `apps.next()`, and its other methods are there as well.
/// while let Some(app) = poll_fn(|context| Pin::new(&mut apps).poll_next(context)).await {
///     println!("{:?}", app?.display_name);
/// }
/// # Ok::<(), entra_apps::Error>(()) }).unwrap();
/// ```
#[derive(Debug)]
pub struct Items<T> {
    pages: Pages<T>,
    held: std::vec::IntoIter<T>,
}

impl<T: DeserializeOwned + Send + 'static> Items<T> {
    /// The next item, or `None` behind the last.
    ///
    /// # Errors
    /// When a page cannot be read; the same page is asked for again by the next call. With the code
    /// [`ExpiredPageToken`](crate::ErrorCode::ExpiredPageToken) the service has forgotten how far it had come: begin anew.
    pub async fn next(&mut self) -> Result<Option<T>, Error> {
        loop {
            if let Some(item) = self.held.next() {
                return Ok(Some(item));
            }
            match self.pages.next().await? {
                Some(page) => self.held = page.value.into_iter(),
                None => return Ok(None),
            }
        }
    }
}

impl<T> Unpin for Items<T> {}

impl<T: DeserializeOwned + Send + 'static> Stream for Items<T> {
    type Item = Result<T, Error>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let items = self.get_mut();
        loop {
            if let Some(item) = items.held.next() {
                return Poll::Ready(Some(Ok(item)));
            }
            match ready!(Pin::new(&mut items.pages).poll_next(context)) {
                Some(Ok(page)) => items.held = page.value.into_iter(),
                Some(Err(error)) => return Poll::Ready(Some(Err(error))),
                None => return Poll::Ready(None),
            }
        }
    }
}

/// The longest next link, in bytes: a longer one is no address that can be asked for.
const MAX_LINK_LENGTH: usize = 60_000;

fn page<T: DeserializeOwned>(request: &Request, response: &Response) -> Result<Page<T>, Error> {
    let size = response.body.len();
    let Envelope { value, next_link, count } = json_by(request, response, |response| {
        let all_regular = response.read().map(|Regular(envelope)| envelope);
        all_regular.or_else(|_| response.read())
    })?;
    let next = next_link
        .map(|link| {
            let url = Url::parse(&link).ok().filter(|url| url.as_str().len() <= MAX_LINK_LENGTH);
            url.ok_or_else(|| {
                Error::new(ErrorCode::ForeignNextLink)
                    .with_message("the service's next link is no address")
                    .during(request.operation.clone())
            })
        })
        .transpose()?;
    Ok(Page { value, count, next, size })
}
