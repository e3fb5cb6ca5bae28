//! Reads all files at once, and reports all their problems.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use config_file::{Note, Place, Problem, Problems, Report, Wrong, text_file};

use crate::core::reverse_proxy::tell_of_unmentioned_proxy;
use crate::core::{self, Core};
use crate::mappings::{self, Mappings};
use crate::name::SiteName;
use crate::site::{self, Site};

/// Where the files are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Paths {
    /// The core file, `config/config.yaml`.
    pub config: PathBuf,
    /// The mappings, `config/mappings.yaml`.
    pub mappings: PathBuf,
    /// The directory of the site files, `sites`.
    pub sites: PathBuf,
}

impl Paths {
    /// Returns the usual places below a folder: `config/config.yaml`, `config/mappings.yaml` and `sites`.
    #[must_use]
    pub fn below(folder: impl AsRef<Path>) -> Self {
        let folder = folder.as_ref();
        Self {
            config: folder.join("config/config.yaml"),
            mappings: folder.join("config/mappings.yaml"),
            sites: folder.join("sites"),
        }
    }
}

/// The content of all files, at one moment.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Loaded {
    /// What holds for the whole daemon.
    pub core: Core,
    /// MISP attribute types of each indicator type. The same allocation as before a reload if nothing changed.
    pub mappings: Arc<Mappings>,
    /// Every site whose file is good (or was, see [`Loaded::kept`]), switched-off ones included. A site that a reload
    /// did not change is the same allocation as before.
    pub sites: BTreeMap<SiteName, Arc<Site>>,
    /// Sites that are not served because their file is bad.
    pub disabled: Vec<DisabledSite>,
    /// Sites that are served as they were before their file went bad.
    pub kept: Vec<KeptSite>,
    /// Remarks that do not keep a file from being used.
    pub notes: Vec<Note>,
    /// For each key in a file that Cratos FastAPI ignores or gets wrong: its meaning here. They matter to users that
    /// move over from there.
    pub differences: Vec<Note>,
}

/// A site file that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct DisabledSite {
    /// The name of the file without `.yaml`; not always one that a site could have.
    pub name: String,
    /// Why; never empty.
    pub problems: Vec<Problem>,
}

/// A site whose file went bad while its previous good version stays in force.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct KeptSite {
    /// The site.
    pub name: SiteName,
    /// The problems of its file now; never empty.
    pub problems: Vec<Problem>,
}

impl Loaded {
    /// Returns the site of this name, if there is one and it is enabled. Any spelling of the name will do.
    #[must_use]
    pub fn site(&self, name: &str) -> Option<&Arc<Site>> {
        let name: SiteName = name.parse().ok()?;
        self.sites.get(&name).filter(|site| site.enabled)
    }

    /// Returns the problems of all site files that cannot be used.
    pub fn problems(&self) -> impl Iterator<Item = &Problem> {
        let disabled = self.disabled.iter().flat_map(|site| &site.problems);
        disabled.chain(self.kept.iter().flat_map(|site| &site.problems))
    }
}

/// Reads and checks all files.
///
/// Secrets that the core file does not have are looked for in the directory that systemd names in
/// `CREDENTIALS_DIRECTORY`.
///
/// # Errors
/// The problems of **all** files, site files included, if the core file, the mappings or the directory of the sites
/// cannot be used. A site file that cannot be used is not an error: the site stands in [`Loaded::disabled`].
pub fn load(paths: &Paths) -> Result<Loaded, Problems> {
    Ok(load_with(paths, credentials().as_deref(), None)?)
}

/// Where systemd put this service's credentials.
pub(crate) fn credentials() -> Option<PathBuf> {
    std::env::var_os("CREDENTIALS_DIRECTORY").map(PathBuf::from)
}

/// As [`load`]; a site file that went bad leaves the site as `previous` has it.
pub(crate) fn load_with(
    paths: &Paths,
    credentials: Option<&Path>,
    previous: Option<&Loaded>,
) -> Result<Loaded, Vec<Problem>> {
    let mut problems = Vec::new();
    let mut notes = Vec::new();
    let mut differences = Vec::new();
    let mut collect = |mut report: Report| {
        notes.append(&mut report.notes);
        differences.append(&mut report.differences);
        problems.extend(report.sorted());
    };

    let mut report = Report::new(&paths.config);
    let core = config_file::read(&mut report).and_then(|node| core::read(node, &mut report, credentials));
    collect(report);
    let mut report = Report::new(&paths.mappings);
    let mappings = config_file::read(&mut report).and_then(|node| mappings::read(node, &mut report));
    collect(report);
    let mut report = Report::new(&paths.sites);
    let files = site_files(&mut report);
    collect(report);

    let sites = Sites::read(files.iter().flatten(), previous);
    notes.extend(sites.notes);
    differences.extend(sites.differences);
    if let Some(core) = &core {
        let mut report = Report::new(&paths.config);
        tell_of_unmentioned_proxy(core, sites.good.values().map(Arc::as_ref), &mut report);
        notes.append(&mut report.notes);
        // Those of the core file come first.
        differences.splice(0..0, report.differences);
    }
    match (core, mappings, files) {
        (Some(core), Some(mappings), Some(_)) => Ok(Loaded {
            core,
            mappings: match previous.map(|p| &p.mappings) {
                Some(before) if **before == mappings => Arc::clone(before),
                _ => Arc::new(mappings),
            },
            sites: sites.good,
            disabled: sites.disabled,
            kept: sites.kept,
            notes,
            differences,
        }),
        _ => {
            problems.extend(sites.disabled.into_iter().flat_map(|site| site.problems));
            problems.extend(sites.kept.into_iter().flat_map(|site| site.problems));
            Err(problems)
        }
    }
}

/// Lists `*.yaml` in the directory, sorted by name; hidden files and other endings do not count.
fn site_files(report: &mut Report) -> Option<Vec<PathBuf>> {
    let listed = fs::read_dir(report.file()).and_then(|entries| {
        entries
            .map(|entry| entry.map(|entry| entry.path()))
            .collect::<Result<Vec<_>, _>>()
    });
    let mut files = match listed {
        Ok(files) => files,
        Err(error) => {
            report.problem(Place::START, "", text_file::unreadable(&error));
            return None;
        }
    };
    files.sort();
    files.retain(|path| {
        let name = path.file_name().unwrap_or_default();
        if name.as_encoded_bytes().starts_with(b".") {
            return false;
        }
        let ending = path.extension().unwrap_or_default();
        if ending == "yml" {
            let mut about = Report::new(path);
            about.note(Place::START, "", "is not read; site files end in .yaml");
            report.notes.extend(about.notes);
        }
        ending == "yaml"
    });
    if files.is_empty() {
        let what = "no site yet; put a <name of the MISP>.yaml here";
        report.note(Place::START, "", what);
    }
    Some(files)
}

/// The result of reading the site files.
#[derive(Default)]
struct Sites {
    good: BTreeMap<SiteName, Arc<Site>>,
    disabled: Vec<DisabledSite>,
    kept: Vec<KeptSite>,
    notes: Vec<Note>,
    differences: Vec<Note>,
}

impl Sites {
    fn read<'a>(files: impl Iterator<Item = &'a PathBuf>, previous: Option<&Loaded>) -> Self {
        let mut sites = Self::default();
        for file in files {
            sites.read_one(file, previous);
        }
        sites
    }

    fn read_one(&mut self, file: &Path, previous: Option<&Loaded>) {
        let stem = file.file_stem().unwrap_or_default().to_string_lossy();
        let mut report = Report::new(file);
        let name = match stem.parse::<SiteName>() {
            Ok(name) if !self.knows(&name) => name,
            outcome => {
                let wrong = match outcome {
                    Ok(name) => Wrong::new(
                        format!("another file is the site {name} already"),
                        "remove one of the two files",
                    ),
                    Err(_) => Wrong::new(
                        "the file name is neither a host name nor an address",
                        "name it after the MISP, such as misp.example.net.yaml",
                    ),
                };
                report.problem(Place::START, "", wrong);
                self.disabled.push(DisabledSite {
                    name: stem.into_owned(),
                    problems: report.problems,
                });
                return;
            }
        };
        let site = config_file::read(&mut report).and_then(|node| site::read(name.clone(), node, &mut report));
        self.notes.append(&mut report.notes);
        self.differences.append(&mut report.differences);
        let problems = report.sorted();
        let before = previous.and_then(|p| p.sites.get(&name));
        match (site, before) {
            (Some(site), Some(before)) if **before == site => {
                self.good.insert(name, Arc::clone(before));
            }
            (Some(site), _) => {
                self.good.insert(name, Arc::new(site));
            }
            (None, Some(before)) => {
                self.good.insert(name.clone(), Arc::clone(before));
                self.kept.push(KeptSite { name, problems });
            }
            (None, None) => self.disabled.push(DisabledSite {
                name: name.to_string(),
                problems,
            }),
        }
    }

    fn knows(&self, name: &SiteName) -> bool {
        self.good.contains_key(name) || self.disabled.iter().any(|site| site.name == name.as_str())
    }
}
