//! Keeps the view in step with what it is made of: snapshots, zones, keys, a CDN's addresses, and time.
//!
//! # What costs what
//! A snapshot is swapped every second or two, and most often only what is known has changed: the names, and the services
//! that they belong to, are the same. Then the new view has the names of the one before, and costs nothing. The table of
//! names is made anew when policies, zones, keys or resolved addresses change, and when signatures or a roll-over are due; off
//! the threads that answer, while these go on with the view before.
//!
//! # When it fails
//! A reload that fails changes nothing, and tells its caller where and why. What fails later, without anybody asking, is
//! logged; the view before is kept, and it is tried again at [`RETRY`]. A signature that could not be refreshed has a week
//! left by then.
//!
//! # What hangs together
//! A steered name knows its service by the index that it has in its snapshot. So a snapshot with other policies is not
//! answered from before the names are made that belong to it.

use std::{
    collections::BTreeSet,
    mem,
    path::PathBuf,
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use chrono::{DateTime, TimeDelta, Utc};
use fairway_steering::{Policy, Snapshot};
use tokio::sync::{mpsc, oneshot, watch};
use tokio_util::sync::CancellationToken;

use super::answering::Serving;
use crate::{
    dnssec::{
        KeyError, Keys,
        cache::Signatures,
        sign::{SignError, Signer},
    },
    flatten::{Flattened, Flattener, PlacedViews, Views},
    names::{
        Names,
        build::{Sources, build},
    },
    settings::Settings,
    steered::{self, Steered},
    transfer::{
        Transfers,
        notify::{Changed, Notifier},
    },
    view::{Guards, View},
    wire::name::Key,
    zones::{ZoneError, Zones},
};

/// After a failure that nobody asked for.
const RETRY: Duration = Duration::from_secs(60);
/// How often the clock is looked at, where nothing is due before.
const LOOK: Duration = Duration::from_secs(60);

/// Why zones or keys could not be taken up.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// A zone's file: the operator's to mend.
    #[error(transparent)]
    Zones(#[from] ZoneError),
    /// A key's file: the operator's to mend.
    #[error(transparent)]
    Keys(#[from] KeyError),
    /// Nobody's fault, most likely; try again.
    #[error("{0}")]
    Signing(String),
    /// The server has ended, or our bug ended the task.
    #[error("the DNS server no longer runs")]
    Gone,
}

impl From<SignError> for LoadError {
    fn from(error: SignError) -> Self {
        Self::Signing(error.to_string())
    }
}

/// What views are made of, beside snapshots.
pub struct Keeping {
    /// The folder of zone files.
    pub zones: PathBuf,
    /// The node's data folder, which has the keys.
    pub data_dir: PathBuf,
    /// How a CDN's names at an apex are resolved.
    pub views: Views,
}

/// Asks a running server to read its zones and keys again.
#[derive(Clone, Debug)]
pub struct Reload(mpsc::Sender<oneshot::Sender<Result<Vec<String>, LoadError>>>);

impl Reload {
    /// Reads the zones and keys again; when this returns, they are answered from. Gives the warnings that go with them. After
    /// an error everything is as it was.
    pub async fn reload(&self) -> Result<Vec<String>, LoadError> {
        let (tell, told) = oneshot::channel();
        self.0.send(tell).await.map_err(|_| LoadError::Gone)?;
        told.await.map_err(|_| LoadError::Gone)?
    }
}

/// All that a table of names is made from, and what is kept from one to the next.
struct Materials {
    keeping: Keeping,
    zones: Zones,
    keys: Keys,
    signatures: Signatures,
    /// When keys or signatures ask for a new table.
    due: Option<DateTime<Utc>>,
}

impl Materials {
    fn load(keeping: Keeping) -> Result<Self, LoadError> {
        let (zones, keys) = (Zones::load(&keeping.zones)?, Keys::load(&keeping.data_dir)?);
        Ok(Self { keeping, zones, keys, signatures: Signatures::default(), due: None })
    }

    /// Reads zones and keys again, both or neither; gives those before, for [`Materials::put_back`].
    fn reload(&mut self) -> Result<(Zones, Keys), LoadError> {
        let (zones, keys) = (self.zones.next(&self.keeping.zones)?, Keys::load(&self.keeping.data_dir)?);
        Ok((mem::replace(&mut self.zones, zones), mem::replace(&mut self.keys, keys)))
    }

    /// Of what was read no table could be made: it is as if it had not been read.
    fn put_back(&mut self, before: (Zones, Keys)) {
        (self.zones, self.keys) = before;
    }

    fn warnings(&self) -> Vec<String> {
        self.zones.iter().flat_map(|zone| &zone.warnings).map(ToString::to_string).collect()
    }

    fn names(
        &mut self,
        snapshot: &Snapshot,
        flattened: &Flattened,
        transfers: &Transfers,
        now: DateTime<Utc>,
    ) -> Result<Names, LoadError> {
        let views = PlacedViews::new(self.keeping.views.clone(), &snapshot.geo);
        let signer = |origin: &Key| self.keys.signer(origin, now).map(Arc::new);
        let zones: Vec<(_, Option<Arc<Signer>>)> =
            self.zones.iter().map(|zone| (zone.clone(), signer(&Key::new(&zone.origin)))).collect();
        let names = build(Sources {
            zones: &zones,
            snapshot,
            steer: &|index, policy, name, origin| Steered::new(index, policy, name, origin, flattened, &views),
            handed_over: &|origin| transfers.may_be_had(origin),
            signatures: &mut self.signatures,
            now,
        })?;
        self.signatures.forget(now);
        self.due = self.keys.due(now).into_iter().chain(self.signatures.due()).min();
        Ok(names)
    }
}

/// The task.
pub(crate) struct Keeper {
    materials: Option<Materials>,
    serving: Arc<Serving>,
    flattener: Flattener,
    notifier: Notifier,
    reloads: mpsc::Receiver<oneshot::Sender<Result<Vec<String>, LoadError>>>,
}

/// A first view, and the rest of the way to its keeper.
pub(crate) struct Begun {
    pub(crate) view: View,
    pub(crate) warnings: Vec<String>,
    materials: Materials,
}

impl Begun {
    /// Reads everything, and makes the first view of `snapshot`.
    pub(crate) fn new(
        keeping: Keeping,
        snapshot: Arc<Snapshot>,
        settings: Settings,
        guards: Guards,
        transfers: Transfers,
        now: DateTime<Utc>,
    ) -> Result<Self, LoadError> {
        let mut materials = Materials::load(keeping)?;
        let names = materials.names(&snapshot, &Flattened::default(), &transfers, now)?;
        let view = View {
            snapshot,
            names: Arc::new(names),
            settings: Arc::new(settings),
            guards: Arc::new(guards),
            transfers: Arc::new(transfers),
        };
        Ok(Self { view, warnings: materials.warnings(), materials })
    }
}

impl Keeper {
    pub(crate) fn new(
        materials: Begun,
        serving: Arc<Serving>,
        flattener: Flattener,
        notifier: Notifier,
    ) -> (Self, Reload) {
        let (reload, reloads) = mpsc::channel(1);
        (Self { materials: Some(materials.materials), serving, flattener, notifier, reloads }, Reload(reload))
    }

    /// Until the shutdown.
    pub(crate) async fn run(mut self, shutdown: CancellationToken) {
        let mut swaps = self.serving.live.swaps();
        let mut flattened = self.flattener.flattened();
        self.flattener.want(hosts(&self.serving.view.load().snapshot));
        self.notify(None);
        let mut retry = None;
        loop {
            let due = [self.materials.as_ref().and_then(|m| m.due), retry].into_iter().flatten().min();
            let (mut reload, mut anew) = (None, false);
            tokio::select! {
                () = shutdown.cancelled() => return,
                swapped = swaps.changed() => if swapped.is_err() { return },
                changed = flattened.changed() => match changed {
                    Ok(()) => anew = true,
                    Err(_) => return,
                },
                Some(asked) = self.reloads.recv() => reload = Some(asked),
                () = until(due) => anew = true,
            }
            retry = None;
            if let Err(error) = self.renew(reload, anew, &flattened).await {
                tracing::error!(%error, "the names that DNS answers could not be made anew; those before are kept");
                retry = Some(Utc::now() + TimeDelta::from_std(RETRY).unwrap_or_default());
            }
        }
    }

    /// Puts the view in step.
    async fn renew(
        &mut self,
        reload: Option<oneshot::Sender<Result<Vec<String>, LoadError>>>,
        anew: bool,
        flattened: &watch::Receiver<Arc<Flattened>>,
    ) -> Result<(), LoadError> {
        let before = self.serving.view.load_full();
        let snapshot = self.serving.live.snapshot();
        if reload.is_none() && !anew && same_services(&before.snapshot, &snapshot) {
            self.serving.view.store(Arc::new(View { snapshot, ..View::clone(&before) }));
            return Ok(());
        }
        self.flattener.want(hosts(&snapshot));
        let mut materials = self.materials.take().ok_or(LoadError::Gone)?;
        let (reads, transfers) = (reload.is_some(), before.transfers.clone());
        let (flattened, of) = (flattened.borrow().clone(), snapshot.clone());
        let made = tokio::task::spawn_blocking(move || {
            let before = if reads { materials.reload().map(Some) } else { Ok(None) };
            let names = before.and_then(|before| {
                let names = materials.names(&of, &flattened, &transfers, Utc::now());
                if let (Err(_), Some(before)) = (&names, before) {
                    materials.put_back(before);
                }
                names
            });
            (materials, names)
        });
        let (materials, names) = made.await.map_err(|_| LoadError::Gone)?;
        let warnings = materials.warnings();
        self.serving.metrics.signatures.store(materials.signatures.signed, Ordering::Relaxed);
        self.materials = Some(materials);
        let outcome = names.map(|names| {
            // Another snapshot of the same services may have come in between.
            let latest = self.serving.live.snapshot();
            let snapshot = if same_services(&snapshot, &latest) { latest } else { snapshot };
            self.serving.view.store(Arc::new(View { snapshot, names: Arc::new(names), ..View::clone(&before) }));
            self.notify(Some(&before.names));
            warnings
        });
        match (reload, outcome) {
            // Whoever asked is told, and nobody else.
            (Some(asked), outcome) => {
                if asked.send(outcome).is_err() {
                    tracing::debug!("nobody waited for the end of a reload");
                }
                Ok(())
            }
            (None, outcome) => outcome.map(drop),
        }
    }

    /// Tells secondaries of the zones that are others than before; at the start, of all.
    fn notify(&self, before: Option<&Names>) {
        let view = self.serving.view.load();
        let is_new = |zone: &&crate::names::Zone| {
            let known = before.and_then(|names| names.zone(&zone.origin));
            known.is_none_or(|known| known.data.text_hash != zone.data.text_hash || known.soa != zone.soa)
        };
        let changed = view.names.zones.iter().filter(is_new);
        let changed: Vec<Changed> =
            changed.map(|zone| Changed { zone: zone.origin.clone(), soa: zone.soa.clone() }).collect();
        self.notifier.changed(&changed);
    }
}

/// Whether both have the same policies at the same places, so that names made for one are good for the other.
fn same_services(a: &Snapshot, b: &Snapshot) -> bool {
    let same = |(a, b): (&Arc<_>, &Arc<_>)| policy(a).eq(&policy(b));
    a.services.len() == b.services.len() && Arc::ptr_eq(&a.geo, &b.geo) && a.services.iter().zip(&b.services).all(same)
}

fn policy(service: &Arc<fairway_steering::Service>) -> *const Policy {
    Arc::as_ptr(&service.policy)
}

/// The host names that are to be resolved: those of pathways that a name at an apex may need. Which names are apexes is the
/// zones' to say; a policy has few names, and a host that is resolved in vain costs a question a minute.
fn hosts(snapshot: &Snapshot) -> BTreeSet<String> {
    snapshot.services.iter().flat_map(|service| steered::hosts(&service.policy)).map(str::to_owned).collect()
}

/// By the clock on the wall, which is looked at each minute: it may be set, and the machine may sleep.
async fn until(due: Option<DateTime<Utc>>) {
    let Some(due) = due else { return std::future::pending().await };
    loop {
        let left = (due - Utc::now()).to_std().unwrap_or_default();
        // Never at once: what is due and does not come about must not keep a core busy.
        tokio::time::sleep(left.clamp(Duration::from_secs(1), LOOK)).await;
        if due <= Utc::now() {
            return;
        }
    }
}
