//! An operator who has files read again, and changes rules and keys.

use std::process::Command;

use anyhow::Context as _;

use super::site::{PERMISSIONS, Site, put, write_site};
use crate::cargo;

/// The number of the stand-in's reader.
const READER: u64 = 1;

pub(super) struct Operator<'a> {
    site: &'a Site,
    misp_keys: u32,
    encryption_keys: Vec<String>,
    has_more_rules: bool,
}

impl<'a> Operator<'a> {
    pub(super) fn new(site: &'a Site) -> anyhow::Result<Self> {
        let config = std::fs::read_to_string(site.installation.path().join("config/config.yaml"))?;
        let key = config
            .lines()
            .find_map(|line| line.strip_prefix("encryption_key:"))
            .context("the new configuration has no encryption_key")?;
        Ok(Self {
            site,
            misp_keys: 0,
            encryption_keys: vec![key.trim().trim_matches('"').to_owned()],
            has_more_rules: false,
        })
    }

    /// Has the daemon read its files again.
    pub(super) fn reload(&self) -> anyhow::Result<()> {
        let id = self.site.process_id().to_string();
        cargo::output_of(Command::new("kill").args(["-HUP", &id])).map(drop)
    }

    /// Writes the site file with or without another rule; the daemon watches the file.
    pub(super) fn change_rules(&mut self) -> anyhow::Result<()> {
        self.has_more_rules = !self.has_more_rules;
        write_site(&self.site.installation, self.has_more_rules)
    }

    /// Changes the encryption key as docs/tokens.md says: the new key goes first, the tokens are converted, and the key
    /// before the last one goes.
    pub(super) fn change_encryption_key(&mut self) -> anyhow::Result<()> {
        let fresh = cargo::output_of(&mut self.site.installation.command(&["keygen"]))?;
        let fresh = fresh
            .split('"')
            .find(|word| word.len() == 64)
            .context("keygen prints no key")?;
        self.encryption_keys.insert(0, fresh.to_owned());
        self.encryption_keys.truncate(2);
        let path = self.site.installation.path().join("config/config.yaml");
        let config = std::fs::read_to_string(&path)?;
        let others: Vec<&str> = config
            .lines()
            .filter(|line| !line.starts_with("encryption_key"))
            .collect();
        let keys = self.encryption_keys.join("\", \"");
        let text = format!("{}\nencryption_keys: [\"{keys}\"]\n", others.join("\n"));
        put(&self.site.installation, "config/config.yaml", &text)?;
        self.reload()?;
        let file = self.site.installation.path().join("device.token");
        std::fs::write(&file, self.site.token())?;
        let convert = ["token", "convert", "--token-file", "device.token"];
        let converted = cargo::output_of(&mut self.site.installation.command(&convert))?;
        self.site.hand_out(converted.trim())
    }

    /// Gives MISP's user another key and the devices a token with it.
    pub(super) fn change_misp_key(&mut self) -> anyhow::Result<()> {
        self.misp_keys += 1;
        let key = format!("soakreaderkey{:027}", self.misp_keys);
        self.site.misp.give_key(READER, &key)?;
        std::fs::write(self.site.installation.path().join("misp.key"), key)?;
        let minted = self
            .site
            .installation
            .mint(self.site.misp.process().port, &PERMISSIONS)?;
        self.site.hand_out(&minted)
    }
}
