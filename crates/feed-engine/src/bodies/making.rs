//! Making the bodies that are kept: the plain form while callers read it, compressed ones afterwards.

use std::io::Write as _;
use std::sync::Arc;
use std::time::Duration;

use super::compression::{BoundedWriter, Compressor};
use super::form::Form;
use super::growing::{End, Growing, Maker};
use super::pieces::{PieceWriter, joined};
use super::{Bodies, Body, Made};
use crate::blocking_work;
use crate::places::Place;
use crate::{Encoding, FeedError};

impl Bodies {
    /// Returns a body that can be kept, and makes it if necessary: once for all callers, on a blocking thread. `None`
    /// for a body that is too large.
    pub(super) async fn whole(
        &self,
        form: &Form,
        encoding: Encoding,
        patience: Duration,
    ) -> Result<Option<Arc<Body>>, FeedError> {
        if let Some(body) = self.kept(form, encoding) {
            return Ok(Some(body));
        }
        if self.is_large(form, encoding) {
            return Ok(None);
        }
        if encoding == Encoding::Identity {
            return self.plain(form, patience).await;
        }
        let flight = (form.body_key(encoding), form.tag().to_owned());
        let packing = self.clone().packed(form.clone(), encoding, patience);
        Ok(self.0.packings.fly(flight, move || packing).await?)
    }

    async fn plain(&self, form: &Form, patience: Duration) -> Result<Option<Arc<Body>>, FeedError> {
        if let Some(body) = self.kept(form, Encoding::Identity) {
            return Ok(Some(body));
        }
        if self.is_large(form, Encoding::Identity) {
            return Ok(None);
        }
        match self.growing(form, patience).ended().await {
            End::Whole(body) => Ok(Some(body)),
            End::TooLarge(_) => Ok(None),
            End::Failed(error) => Err(error),
        }
    }

    /// Has a compressed body made in the background, unless it is kept, under way or too large.
    pub(super) fn start_packing(&self, form: &Form, encoding: Encoding, patience: Duration) {
        if encoding == Encoding::Identity || self.kept(form, encoding).is_some() || self.is_large(form, encoding) {
            return;
        }
        let flight = (form.body_key(encoding), form.tag().to_owned());
        let packing = self.clone().packed(form.clone(), encoding, patience);
        let logged = async move {
            packing.await.inspect_err(|error| {
                tracing::debug!(error = error.chain(), "the compressed form of a feed is not made now");
            })
        };
        self.0.packings.start(flight, move || logged);
    }

    /// Returns the body as it is made and kept. Callers of the same moment share the making.
    pub(super) fn growing(&self, form: &Form, patience: Duration) -> Growing {
        let name = (form.body_key(Encoding::Identity), form.tag().to_owned());
        let (growing, maker) = self.0.growing.join(&name);
        if let Some(maker) = maker {
            let (bodies, form) = (self.clone(), form.clone());
            tokio::spawn(async move {
                let maker = Arc::new(maker);
                let end = match bodies.place(&form, Encoding::Identity, patience).await {
                    Ok(place) => bodies.grown(form, Arc::clone(&maker), place).await,
                    Err(error) => End::Failed(error),
                };
                maker.end(end);
                bodies.0.growing.leave(&name);
            });
        }
        growing
    }

    /// Returns the body to a caller that reads it while it is made.
    pub(super) async fn while_made(&self, form: &Form, patience: Duration) -> Result<Made, FeedError> {
        let mut growing = self.growing(form, patience);
        // The numbers go out before the body. They are counted beside the making, which may be over sooner.
        let end = tokio::select! {
            biased;
            end = growing.ended() => Some(end),
            counts = self.counts(form, patience) => {
                counts?;
                growing.begun().await
            }
        };
        match end {
            Some(End::Whole(body)) => Ok(Made::Kept(body)),
            Some(End::Failed(error)) => Err(error),
            Some(End::TooLarge(_)) | None => Ok(Made::Growing(growing)),
        }
    }

    async fn grown(&self, form: Form, maker: Arc<Maker>, place: Place) -> End {
        maker.begin();
        let bodies = self.clone();
        let made = blocking_work::run("writing the feed", move || {
            let end = bodies.grow(&form, &maker);
            drop(place);
            end
        });
        made.await.unwrap_or_else(End::Failed)
    }

    /// Makes the plain body and keeps it, if it fits.
    fn grow(&self, form: &Form, maker: &Maker) -> End {
        let mut writer = PieceWriter::new(self.room(form), |piece| maker.give(piece));
        let outcome = form.write(&mut writer);
        let Some(length) = writer.finish() else {
            self.note_large(form, Encoding::Identity);
            return End::TooLarge(form.clone());
        };
        match outcome {
            Ok(counts) => {
                self.note_counts(form, counts);
                self.note_length(form, Encoding::Identity, length);
                End::Whole(self.keep(form, Encoding::Identity, joined(maker.pieces())))
            }
            Err(error) => End::Failed(FeedError::internal("writing the feed", error)),
        }
    }

    async fn packed(self, form: Form, encoding: Encoding, patience: Duration) -> Result<Option<Arc<Body>>, FeedError> {
        let plain = self.plain(&form, patience).await?;
        let place = self.place(&form, encoding, patience).await?;
        blocking_work::run("compressing a feed", move || {
            let made = self.pack(&form, encoding, plain.as_deref());
            drop(place);
            made
        })
        .await?
    }

    /// Compresses a body and keeps it, if it fits; `plain` saves writing it anew.
    fn pack(&self, form: &Form, encoding: Encoding, plain: Option<&Body>) -> Result<Option<Arc<Body>>, FeedError> {
        let failed = |error| FeedError::internal("compressing a feed", error);
        let mut sink = BoundedWriter::new(self.room(form));
        let outcome = Compressor::new(encoding, &mut sink).and_then(|mut out| {
            match plain {
                Some(plain) => plain.pieces.iter().try_for_each(|piece| out.write_all(piece))?,
                None => self.note_counts(form, form.write(&mut out)?),
            }
            out.finish().map(drop)
        });
        let Some(bytes) = sink.into_bytes() else {
            self.note_large(form, encoding);
            return Ok(None);
        };
        outcome.map_err(failed)?;
        Ok(Some(self.keep(form, encoding, vec![bytes.into()])))
    }
}
