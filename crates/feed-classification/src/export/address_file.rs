//! Files with all addresses of a feed, for the packet filter of a host or a router.

use std::fmt;
use std::io::{self, Write};
use std::sync::Arc;

use ipnet::IpNet;

use crate::export::{About, ExportCounts, Exporter, FeedInfo, Options, QuarantineReason, addresses};
use crate::{AddressSet, Indicator, IndicatorType, network_of};

/// A file that is made of all addresses at once, merged: where two entries overlap, some packet filters refuse the
/// file, and all of them become slower.
pub(super) trait AddressFile: fmt::Debug + Send + Sync + 'static {
    /// The description; see [`Exporter::about`].
    const ABOUT: &'static About;

    /// Makes the file that these options choose.
    fn of(options: &Options) -> Self
    where
        Self: Sized;

    /// Writes the entry of one network or address.
    fn entry(&self, network: IpNet, out: &mut dyn Write) -> io::Result<()>;

    /// Writes the file for a feed of this type.
    fn file(&self, kind: IndicatorType, addresses: &AddressSet, out: &mut dyn Write) -> io::Result<()>;
}

/// Returns the file of a caller that chooses nothing.
pub(super) fn usual<F: AddressFile>() -> F {
    F::of(&Options::defaults(F::ABOUT.options))
}

impl<F: AddressFile> Exporter for F {
    fn about(&self) -> &About {
        F::ABOUT
    }

    fn configured(&self, options: &Options) -> Option<Arc<dyn Exporter>> {
        Some(Arc::new(F::of(options)))
    }

    fn refuses(&self, item: &Indicator<'_>) -> Option<QuarantineReason> {
        addresses::refuses(item)
    }

    fn entry(&self, item: &Indicator<'_>, out: &mut dyn Write) -> io::Result<()> {
        network_of(item.value).map_or(Ok(()), |network| AddressFile::entry(self, network, out))
    }

    fn export(
        &self,
        feed: &FeedInfo<'_>,
        items: &mut dyn Iterator<Item = Indicator<'_>>,
        out: &mut dyn Write,
    ) -> io::Result<ExportCounts> {
        let (addresses, exported) = addresses::collect(self, items);
        self.file(feed.kind, &addresses, out)?;
        Ok(exported)
    }
}
