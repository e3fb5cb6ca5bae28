//! What became of reports, counted since the start.

use std::sync::atomic::{AtomicU64, Ordering};

macro_rules! counts {
    ($($(#[$doc:meta])* $name:ident,)*) => {
        /// What became of reports since the start. Each report ends in one of `sent` to `expired`, or waits.
        #[derive(Debug, Default)]
        pub(crate) struct Counts {
            $(pub(crate) $name: AtomicU64,)*
        }

        /// The counts at one moment.
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
        #[non_exhaustive]
        pub struct Counted {
            $($(#[$doc])* pub $name: u64,)*
        }

        impl Counts {
            pub(crate) fn read(&self) -> Counted {
                Counted { $($name: self.$name.load(Ordering::Relaxed),)* }
            }
        }
    };
}

counts! {
    /// Reports that were written to the journal.
    accepted,
    /// Reports that were counted already.
    duplicates,
    /// Reports that came when they could not be kept.
    turned_away,
    /// Reports that were sent and answered: MISP knows at least one value of the parcel.
    sent,
    /// Reports of parcels of which MISP knew no value. MISP does not say which values it knows.
    unknown,
    /// Reports that MISP rejected because of their content.
    rejected,
    /// Reports whose reporter may not report any more: the credential has ended, or was revoked.
    void,
    /// Reports that waited too long.
    expired,
    /// Parcels that MISP refused for their reporter's sake; they wait.
    refused_parcels,
    /// Parcels that were not answered; they wait.
    failed_parcels,
    /// Bytes at the end of the journal that belonged to no whole record when it was opened.
    torn_bytes,
    /// Records of the journal that no key opened, and places in it that a disk has spoilt.
    unreadable,
}

pub(crate) fn add(count: &AtomicU64, n: usize) {
    count.fetch_add(n as u64, Ordering::Relaxed);
}
