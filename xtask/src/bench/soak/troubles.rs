//! Edits in MISP, reloads, keys that change, a MISP that fails, and clocks that jump.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use anyhow::bail;
use serde_json::{Value, json};

use super::operator::Operator;
use super::site::{FEED, Site};
use crate::bench::mirror::stand_in::Attribute;

/// Attributes that are edited, each in another event.
const EDITED: usize = 40;

/// Edits between two troubles, and the time between two edits.
const EDITS: usize = 5;
const PAUSE: Duration = Duration::from_millis(300);

/// How far MISP's clock jumps, forwards and then back: further than the two minutes before its last look for which the
/// mirror asks again in any case.
const JUMP_SECONDS: i64 = 600;

/// The longest time after the last trouble until a feed is as MISP is.
const PATIENCE: Duration = Duration::from_secs(180);

/// The next trouble, and the edited attributes.
pub(super) struct Troubles<'a> {
    site: &'a Site,
    operator: Operator<'a>,
    edited: Vec<Attribute>,
    edits: usize,
    turns: usize,
    clock_ahead: i64,
    /// How often each kind of trouble came.
    pub(super) counted: BTreeMap<&'static str, u64>,
}

impl<'a> Troubles<'a> {
    pub(super) fn new(site: &'a Site) -> anyhow::Result<Self> {
        Ok(Self {
            site,
            operator: Operator::new(site)?,
            edited: site.misp.domains(EDITED)?,
            edits: 0,
            turns: 0,
            clock_ahead: 0,
            counted: BTreeMap::new(),
        })
    }

    /// Edits a few events and makes the next trouble.
    pub(super) fn turn(&mut self) -> anyhow::Result<()> {
        let what = match self.turns % 6 {
            0 => self.operator.reload().map(|()| "reload by SIGHUP"),
            1 => self.fail().map(|()| "fault of MISP"),
            2 => self.operator.change_rules().map(|()| "edited site file"),
            3 => self.operator.change_encryption_key().map(|()| "new encryption key"),
            4 => self.operator.change_misp_key().map(|()| "new MISP key"),
            _ => self.jump().map(|()| "jump of MISP's clock"),
        }?;
        self.turns += 1;
        *self.counted.entry(what).or_default() += 1;
        for _ in 0..EDITS {
            self.edit()?;
            std::thread::sleep(PAUSE);
        }
        self.site.misp.misbehave(&Value::Null)
    }

    /// Ends all troubles, and waits until the feed has each edited value, and no former one.
    pub(super) fn end(&mut self) -> anyhow::Result<()> {
        self.site.misp.misbehave(&Value::Null)?;
        self.site.misp.advance_clock(-self.clock_ahead)?;
        self.clock_ahead = 0;
        self.site.wait_until_mirrored()?;
        for _ in 0..EDITED {
            self.edit()?;
        }
        let first = self.edits - EDITED;
        let began = Instant::now();
        loop {
            let token = self.site.token();
            let answer = self.site.open()?.ask("GET", FEED, &[("token", token.as_str())], "")?;
            let body = String::from_utf8(answer.body)?;
            let mut numbers: Vec<usize> = body.lines().filter_map(number).collect();
            numbers.sort_unstable();
            if answer.status == 200 && numbers.iter().copied().eq(first..self.edits) {
                return Ok(());
            }
            if began.elapsed() > PATIENCE {
                bail!("the feed has the edits {numbers:?} and not {first} to {}", self.edits);
            }
            std::thread::sleep(PAUSE);
        }
    }

    fn edit(&mut self) -> anyhow::Result<()> {
        let Some(attribute) = self.edited.get(self.edits % EDITED) else {
            bail!("nothing to edit");
        };
        let value = format!("{PREFIX}{}.example.com", self.edits);
        self.edits += 1;
        *self.counted.entry("edit in MISP").or_default() += 1;
        self.site.misp.change_and_publish(attribute, &value)
    }

    fn fail(&self) -> anyhow::Result<()> {
        let faults = [
            json!({"status": 500}),
            json!("close_early"),
            json!({"cut_off": {"after_bytes": 3_000, "chunked": true}}),
            json!({"html": {"status": 200}}),
            json!("hang"),
            json!("everything_unfiltered"),
            json!("not_json"),
            json!({"late": {"secs": 0, "nanos": 400_000_000}}),
            json!("refuse"),
            json!({"status": 429}),
            json!({"hang_in_body": {"after_bytes": 3_000}}),
            json!("login_redirect"),
        ];
        let fault = faults.get(self.turns / 6 % faults.len()).unwrap_or(&Value::Null);
        self.site.misp.misbehave(fault)
    }

    /// Moves MISP's clock forwards, and back the next time.
    fn jump(&mut self) -> anyhow::Result<()> {
        let seconds = if self.clock_ahead == 0 {
            JUMP_SECONDS
        } else {
            -JUMP_SECONDS
        };
        self.clock_ahead += seconds;
        self.site.misp.advance_clock(seconds)
    }
}

const PREFIX: &str = "soak";

/// Returns the number of the edit that made a value.
fn number(value: &str) -> Option<usize> {
    value.strip_prefix(PREFIX)?.strip_suffix(".example.com")?.parse().ok()
}
