//! Building, starting and steering the stand-in.

use std::{
    io,
    net::SocketAddr,
    path::{Path, PathBuf},
    time::Duration,
};

use uuid::Uuid;

use crate::{
    bulk::Bulk,
    bulk_site::BulkSite,
    clock::Clock,
    fault::{Fault, FaultRule},
    load::{LoadError, read_events},
    log::{LoggedRequest, Traffic},
    model::{DecayingModel, Event, Organisation, Tag, User, Warninglist},
    server::Server,
    shared::Shared,
    store::Store,
};

/// The stand-in for a MISP; start it with [`Sim::builder`].
#[derive(Debug)]
pub struct Sim;

impl Sim {
    /// The key of a read only user of the first organisation, `Example CERT`.
    pub const READER_KEY: &str = "simreaderkeysimreaderkeysimreaderkey0001";
    /// The key of a site admin.
    pub const ADMIN_KEY: &str = "simadminkeysimadminkeysimadminkeysim0002";
    /// The key of a read only user of the second organisation, `Partner Research`.
    pub const PARTNER_KEY: &str = "simpartnerkeysimpartnerkeysimpartner0003";
    /// The key of a user of `Example CERT` in the [demo](crate::demo()), with the right to add sightings.
    pub const REPORTER_KEY: &str = "simreporterkeysimreporterkeysimrepor0004";
    /// The key of a user of `Example CERT`, with the right to add, edit, tag and publish its events.
    pub const PUBLISHER_KEY: &str = "simpublisherkeysimpublisherkeysimpub0005";
    /// The UUID of `Example CERT`.
    pub const ORGANISATION: Uuid = Uuid::from_u128(0x5c0b_a7a0_0001_4000_8000_0000_0000_0001);
    /// The UUID of `Partner Research`.
    pub const PARTNER: Uuid = Uuid::from_u128(0x5c0b_a7a0_0002_4000_8000_0000_0000_0002);

    /// Returns a stand-in with two organisations, a reader of each, a publisher and a site admin, and no events.
    pub fn builder() -> SimBuilder {
        Self::empty()
            .organisation(Organisation::new("Example CERT", Self::ORGANISATION))
            .organisation(Organisation::new("Partner Research", Self::PARTNER))
            .user(User::reader("reader@cert.example.org", 1, Self::READER_KEY))
            .user(User::site_admin("admin@cert.example.org", 1, Self::ADMIN_KEY))
            .user(User::reader("reader@partner.example.org", 2, Self::PARTNER_KEY))
            .user(User::publisher("publisher@cert.example.org", 1, Self::PUBLISHER_KEY))
    }

    /// Returns a stand-in with nothing in it.
    pub fn empty() -> SimBuilder {
        SimBuilder {
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            clock: Clock::default(),
            stringify: true,
            latency: Duration::ZERO,
            steps: Vec::new(),
        }
    }
}

type Step = Box<dyn FnOnce(&mut Store) -> Result<(), StartError> + Send>;

/// A stand-in that is not running yet.
#[must_use]
pub struct SimBuilder {
    listen: SocketAddr,
    clock: Clock,
    stringify: bool,
    latency: Duration,
    steps: Vec<Step>,
}

impl std::fmt::Debug for SimBuilder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SimBuilder")
            .field("listen", &self.listen)
            .field("clock", &self.clock)
            .finish_non_exhaustive()
    }
}

impl SimBuilder {
    /// Listens there instead of on a free port of 127.0.0.1.
    pub fn listen(mut self, address: SocketAddr) -> Self {
        self.listen = address;
        self
    }

    /// Uses that clock instead of the system's.
    pub fn clock(mut self, clock: Clock) -> Self {
        self.clock = clock;
        self
    }

    /// Sends numbers in quotes (as usual) or, with `false`, as JSON numbers.
    pub fn stringify(mut self, stringify: bool) -> Self {
        self.stringify = stringify;
        self
    }

    /// Waits that long before each answer; a real MISP takes about 0.1 s.
    pub fn latency(mut self, latency: Duration) -> Self {
        self.latency = latency;
        self
    }

    /// Adds an organisation.
    pub fn organisation(self, organisation: Organisation) -> Self {
        self.step(move |store| {
            store.add_organisation(organisation);
            Ok(())
        })
    }

    /// Adds a user.
    pub fn user(self, user: User) -> Self {
        self.step(move |store| {
            store.add_user(user);
            Ok(())
        })
    }

    /// Adds a tag; needed only for those with a given number or that are not exportable.
    pub fn tag(self, tag: Tag) -> Self {
        self.step(move |store| {
            store.add_tag(tag);
            Ok(())
        })
    }

    /// Adds a warninglist.
    pub fn warninglist(self, list: Warninglist) -> Self {
        self.step(move |store| {
            store.add_warninglist(list);
            Ok(())
        })
    }

    /// Adds a decaying model.
    pub fn decaying_model(self, model: DecayingModel) -> Self {
        self.step(move |store| {
            store.add_decaying_model(model);
            Ok(())
        })
    }

    /// Adds an event.
    pub fn event(self, event: Event) -> Self {
        self.step(move |store| {
            store.add_event(event);
            Ok(())
        })
    }

    /// Adds generated attributes by the hundred thousand.
    pub fn bulk(self, bulk: Bulk) -> Self {
        self.step(move |store| {
            bulk.load(store);
            Ok(())
        })
    }

    /// Adds a whole site of generated events.
    pub fn bulk_site(self, site: BulkSite) -> Self {
        self.step(move |store| {
            site.load(store);
            Ok(())
        })
    }

    /// Changes the data before it starts, after what was added so far.
    pub fn edit(self, edit: impl FnOnce(&mut Store) + Send + 'static) -> Self {
        self.step(move |store| {
            edit(store);
            Ok(())
        })
    }

    /// Adds the data of an event file (see the README); `name` is for error messages.
    pub fn event_text(self, name: impl Into<String>, text: impl Into<String>) -> Self {
        let (name, text) = (name.into(), text.into());
        self.step(move |store| {
            read_events(&name, &text)?.add_to(store);
            Ok(())
        })
    }

    /// Adds the data of the `.json`, `.yaml` and `.yml` files of a directory, in the order of their names.
    pub fn events_dir(self, directory: impl Into<PathBuf>) -> Self {
        let directory = directory.into();
        self.step(move |store| load_directory(store, &directory))
    }

    /// Starts it.
    ///
    /// It runs on its own threads, so that a test with a stopped clock or a single thread does not stop it.
    ///
    /// # Errors
    /// [`StartError`] when an event file cannot be read or the address not be listened on.
    #[expect(
        clippy::unused_async,
        reason = "leaves room to load in the background without breaking callers"
    )]
    pub async fn start(self) -> Result<RunningSim, StartError> {
        self.start_now()
    }

    /// Starts it, from code that is not async.
    ///
    /// # Errors
    /// As [`SimBuilder::start`].
    pub fn start_now(self) -> Result<RunningSim, StartError> {
        let mut store = Store::new(self.clock.clone());
        for step in self.steps {
            step(&mut store)?;
        }
        let shared = Shared::new(store, self.clock, self.stringify, self.latency);
        let server = Server::start(self.listen, shared).map_err(|source| StartError::Listen {
            address: self.listen,
            source,
        })?;
        Ok(RunningSim { server })
    }

    fn step(mut self, step: impl FnOnce(&mut Store) -> Result<(), StartError> + Send + 'static) -> Self {
        self.steps.push(Box::new(step));
        self
    }
}

fn load_directory(store: &mut Store, directory: &Path) -> Result<(), StartError> {
    let failed = |source| StartError::Directory {
        path: directory.to_owned(),
        source,
    };
    let mut files = Vec::new();
    for entry in std::fs::read_dir(directory).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        if path
            .extension()
            .is_some_and(|end| ["json", "yaml", "yml"].iter().any(|known| end == *known))
        {
            files.push(path);
        }
    }
    files.sort();
    for path in files {
        let text = std::fs::read_to_string(&path).map_err(|source| StartError::Directory {
            path: path.clone(),
            source,
        })?;
        read_events(&path.display().to_string(), &text)?.add_to(store);
    }
    Ok(())
}

/// Why the stand-in does not start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// The address is in use, or does not belong to this host.
    #[error("cannot listen on {address}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// The error of the system.
        source: io::Error,
    },
    /// An event directory or file cannot be read.
    #[error("cannot read {}", path.display())]
    Directory {
        /// The directory or file.
        path: PathBuf,
        /// The error of the system.
        source: io::Error,
    },
    /// An event file is not understood.
    #[error(transparent)]
    Load(#[from] LoadError),
}

/// A running stand-in; it stops when dropped.
pub struct RunningSim {
    server: Server,
}

impl std::fmt::Debug for RunningSim {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RunningSim")
            .field("addr", &self.addr())
            .finish_non_exhaustive()
    }
}

impl RunningSim {
    /// Returns the address it listens on.
    #[must_use]
    pub fn addr(&self) -> SocketAddr {
        self.server.address()
    }

    /// Returns its address as `http://127.0.0.1:port`, without a slash at the end.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.addr())
    }

    /// Misbehaves from now on, in this way only.
    ///
    /// Blocks for a moment with [`Fault::Refuse`], until connections are really refused.
    pub fn set_fault(&self, fault: impl Into<FaultRule>) {
        self.shared().state().faults.clear();
        self.add_fault(fault);
    }

    /// Misbehaves in one more way; the first rule that fits a request strikes.
    pub fn add_fault(&self, fault: impl Into<FaultRule>) {
        let rule = fault.into();
        let closes = rule.closes_the_door();
        if closes {
            self.server.close();
        } else {
            self.server.open();
        }
        self.shared().state().faults.push(rule);
    }

    /// Behaves again.
    pub fn clear_fault(&self) {
        self.shared().state().faults.clear();
        self.server.open();
    }

    /// Returns the requests so far, oldest first (the last 10 000 of them).
    #[must_use]
    pub fn requests(&self) -> Vec<LoggedRequest> {
        self.shared().state().log.iter().cloned().collect()
    }

    /// Returns how many requests came to paths that start with `path`.
    #[must_use]
    pub fn count(&self, path: &str) -> usize {
        self.shared()
            .state()
            .log
            .iter()
            .filter(|request| request.path.starts_with(path))
            .count()
    }

    /// Returns how many searches for attributes came; each page is one.
    #[must_use]
    pub fn searches(&self) -> usize {
        self.shared()
            .state()
            .log
            .iter()
            .filter(|request| request.is_search())
            .count()
    }

    /// Returns how many of the logged requests `counts` is true for, and how many bytes went over the wire for them.
    ///
    /// ```
    /// # let sim = misp_sim::Sim::builder().start_now()?;
    /// let light = sim.traffic(|request| !request.is_search());
    /// assert!(light.requests <= 4 && light.answer_bytes <= 64 * 1024);
    /// # Ok::<(), misp_sim::StartError>(())
    /// ```
    #[must_use]
    pub fn traffic(&self, counts: impl Fn(&LoggedRequest) -> bool) -> Traffic {
        let mut traffic = Traffic::default();
        let state = self.shared().state();
        for request in state.log.iter().filter(|request| counts(request)) {
            traffic.add(request);
        }
        traffic
    }

    /// Forgets the requests so far.
    pub fn clear_requests(&self) {
        self.shared().state().log.clear();
    }

    /// Changes the data, with the effects an analyst's edit has.
    pub fn edit<R>(&self, edit: impl FnOnce(&mut Store) -> R) -> R {
        edit(&mut self.shared().write())
    }

    /// Looks at the data.
    pub fn with_store<R>(&self, look: impl FnOnce(&Store) -> R) -> R {
        look(&self.shared().read())
    }

    /// Calls `hook` with every request before it is answered, so that a test can move rows between two pages.
    ///
    /// The hook may change the data it is given; calling the handle from inside it would wait for ever.
    pub fn on_request(&self, hook: impl FnMut(&LoggedRequest, &mut Store) + Send + 'static) {
        self.shared().set_hook(Box::new(hook));
    }

    /// Calls `rewrite` with every request and the body of its answer, which it may change: a MISP that lies in any way.
    ///
    /// Calling the handle from inside it would wait for ever.
    pub fn on_answer(&self, rewrite: impl FnMut(&LoggedRequest, &mut Vec<u8>) + Send + 'static) {
        self.shared().set_rewrite(Some(Box::new(rewrite)));
    }

    /// Sets how long each answer takes from now on.
    pub fn set_latency(&self, latency: Duration) {
        self.shared().state().latency = latency;
    }

    /// Sets how long a search takes from now on for every row of its page when it enforces warninglists: a real MISP
    /// took 2 to 4 ms for an address, with 43 lists.
    pub fn set_warninglist_time(&self, per_row: Duration) {
        self.shared().state().warninglist_time = per_row;
    }

    /// Switches maintenance mode, in which only site admins get in (fact 3).
    pub fn set_maintenance(&self, maintenance: bool) {
        self.shared().state().maintenance = maintenance;
    }

    /// Returns its clock, to be moved.
    #[must_use]
    pub fn clock(&self) -> &Clock {
        &self.shared().clock
    }

    fn shared(&self) -> &Shared {
        self.server.shared()
    }
}

/// Lets a caller pass a fault by reference.
impl From<&Fault> for FaultRule {
    fn from(fault: &Fault) -> Self {
        fault.clone().into()
    }
}
