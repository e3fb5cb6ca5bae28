//! A client for programs without an async runtime: each call waits for its answer.

use std::sync::Arc;

use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::runtime::{Builder, Handle, Runtime};

use crate::warninglist::WarninglistMatcherBuilder;
use crate::{
    Attribute, AttributePages, AttributeSearch, ClientBuilder, Error, ErrorKind, Event, EventPages, EventSearch, Me,
    MispVersion, Progress, Warninglist,
};

/// A [`crate::Client`] whose calls wait for their answer. Cheap to clone; clones share connections and runtime.
///
/// It has the most used calls; [`call`](Self::call) runs any other one. Inside an async runtime every call fails with
/// [`ErrorKind::Setup`] instead of a panic: use [`crate::Client`] there.
///
/// ```no_run
/// use misp_client::{AttributeSearch, AuthKey, Client, blocking};
///
/// let builder = Client::builder("https://misp.example.net".parse()?, AuthKey::new("key")?);
/// let misp = blocking::Client::new(builder)?;
/// for attribute in misp.search(AttributeSearch::of_values(["bad.example.com"])?)? {
///     println!("event {}", attribute?.event_id);
/// }
/// let tags = misp.call(|misp| async move { misp.tags().await })?;
/// # Ok::<(), misp_client::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Client {
    client: crate::Client,
    runtime: Waiter,
}

impl Client {
    /// Builds the client, with a runtime on the threads of its callers. Nothing is sent yet.
    ///
    /// # Errors
    /// As [`ClientBuilder::build`], and [`ErrorKind::Setup`] inside an async runtime, or when the system gives no
    /// runtime.
    pub fn new(builder: ClientBuilder) -> Result<Self, Error> {
        refuse_async()?;
        let runtime = Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|error| setup("no runtime can be started").with_source(error))?;
        Ok(Self {
            client: builder.build()?,
            runtime: Waiter(Some(Arc::new(runtime))),
        })
    }

    /// Runs any call of [`crate::Client`] and waits for it.
    ///
    /// # Errors
    /// The error of the call; [`ErrorKind::Setup`] inside an async runtime.
    pub fn call<T, F>(&self, call: impl FnOnce(crate::Client) -> F) -> Result<T, Error>
    where
        F: Future<Output = Result<T, Error>>,
    {
        self.runtime.wait(call(self.client.clone()))
    }

    /// As [`crate::Client::version`].
    ///
    /// # Errors
    /// As there; [`ErrorKind::Setup`] inside an async runtime.
    pub fn version(&self) -> Result<MispVersion, Error> {
        self.runtime.wait(self.client.version())
    }

    /// As [`crate::Client::me`].
    ///
    /// # Errors
    /// As there; [`ErrorKind::Setup`] inside an async runtime.
    pub fn me(&self) -> Result<Me, Error> {
        self.runtime.wait(self.client.me())
    }

    /// As [`crate::Client::event`].
    ///
    /// # Errors
    /// As there; [`ErrorKind::Setup`] inside an async runtime.
    pub fn event(&self, id: u64) -> Result<Event, Error> {
        self.runtime.wait(self.client.event(id))
    }

    /// As [`crate::Client::attribute`].
    ///
    /// # Errors
    /// As there; [`ErrorKind::Setup`] inside an async runtime.
    pub fn attribute(&self, id: u64) -> Result<Attribute, Error> {
        self.runtime.wait(self.client.attribute(id))
    }

    /// As [`crate::Client::warninglists`].
    ///
    /// # Errors
    /// As there; [`ErrorKind::Setup`] inside an async runtime.
    pub fn warninglists(&self) -> Result<Vec<Warninglist>, Error> {
        self.runtime.wait(self.client.warninglists())
    }

    /// As [`crate::Client::warninglist_matcher`].
    ///
    /// # Errors
    /// As there; [`ErrorKind::Setup`] inside an async runtime.
    pub fn warninglist_matcher(&self) -> Result<WarninglistMatcherBuilder, Error> {
        self.runtime.wait(self.client.warninglist_matcher())
    }

    /// As [`crate::Client::get`].
    ///
    /// # Errors
    /// As there; [`ErrorKind::Setup`] inside an async runtime.
    pub fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, Error> {
        self.runtime.wait(self.client.get(path))
    }

    /// As [`crate::Client::post`].
    ///
    /// # Errors
    /// As there; [`ErrorKind::Setup`] inside an async runtime.
    pub fn post<B, T>(&self, path: &str, body: &B) -> Result<T, Error>
    where
        B: Serialize + ?Sized,
        T: DeserializeOwned,
    {
        self.runtime.wait(self.client.post(path, body))
    }

    /// Starts a search for attributes, read as an iterator; see [`crate::Client::search`].
    ///
    /// # Errors
    /// [`ErrorKind::Setup`] inside an async runtime.
    pub fn search(&self, search: AttributeSearch) -> Result<Attributes, Error> {
        refuse_async()?;
        Ok(Attributes {
            pages: self.client.search(search),
            rows: Vec::new().into_iter(),
            failed: false,
            runtime: self.runtime.clone(),
        })
    }

    /// Starts a search for whole events, read as an iterator; see [`crate::Client::events`].
    ///
    /// # Errors
    /// [`ErrorKind::Setup`] inside an async runtime.
    pub fn events(&self, search: EventSearch) -> Result<Events, Error> {
        refuse_async()?;
        Ok(Events {
            pages: self.client.events(search),
            failed: false,
            runtime: self.runtime.clone(),
        })
    }
}

/// The attributes of a search, one by one; ends after the first error.
#[derive(Debug)]
pub struct Attributes {
    pages: AttributePages,
    rows: std::vec::IntoIter<Attribute>,
    failed: bool,
    runtime: Waiter,
}

impl Attributes {
    /// Gives out rows that do not answer the question too; see [`AttributePages::unchecked`].
    #[must_use]
    pub fn unchecked(mut self) -> Self {
        self.pages = self.pages.unchecked();
        self
    }

    /// Returns how far the search has come.
    #[must_use]
    pub fn progress(&self) -> &Progress {
        self.pages.progress()
    }
}

impl Iterator for Attributes {
    type Item = Result<Attribute, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        if let Some(row) = self.rows.next() {
            return Some(Ok(row));
        }
        if self.failed {
            return None;
        }
        match self.runtime.wait(self.pages.next_batch()) {
            Ok(batch) => {
                self.rows = batch?.attributes.into_iter();
                self.rows.next().map(Ok)
            }
            Err(error) => {
                self.failed = true;
                Some(Err(error))
            }
        }
    }
}

/// The events of a search, one by one; ends after the first error.
#[derive(Debug)]
pub struct Events {
    pages: EventPages,
    failed: bool,
    runtime: Waiter,
}

impl Iterator for Events {
    type Item = Result<Event, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        use futures_core::Stream as _;
        if self.failed {
            return None;
        }
        let pages = &mut self.pages;
        let next = std::future::poll_fn(|context| std::pin::Pin::new(&mut *pages).poll_next(context));
        let item = self
            .runtime
            .wait(async { Ok(next.await) })
            .unwrap_or_else(|error| Some(Err(error)));
        self.failed = matches!(item, Some(Err(_)));
        item
    }
}

/// Waits for futures on the thread of the caller.
#[derive(Clone, Debug)]
struct Waiter(Option<Arc<Runtime>>);

impl Waiter {
    fn wait<T>(&self, future: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
        refuse_async()?;
        match &self.0 {
            Some(runtime) => runtime.block_on(future),
            None => Err(setup("the client was dropped")),
        }
    }
}

/// The last clone may be dropped inside an async runtime, where waiting for a runtime to end would panic.
impl Drop for Waiter {
    fn drop(&mut self) {
        if let Some(runtime) = self.0.take().and_then(Arc::into_inner) {
            runtime.shutdown_background();
        }
    }
}

fn refuse_async() -> Result<(), Error> {
    match Handle::try_current() {
        Ok(_) => Err(setup(
            "a blocking client inside an async runtime; use misp_client::Client there",
        )),
        Err(_) => Ok(()),
    }
}

fn setup(detail: &'static str) -> Error {
    Error::new(ErrorKind::Setup).with_detail(detail)
}
