//! One text of rules: whether YARA compiles it alone, and what changes when it stands in a file with others.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::panic::catch_unwind;

use boreal::Compiler;
use boreal::compiler::CompilerParams;
use boreal_parser::expression::{Expression, ExpressionKind as Kind};
use boreal_parser::file::{YaraFile, YaraFileComponent as Component};
use boreal_parser::rule::Rule;

use super::condition::{identifier, walk};
use super::{bounds, portable, weight};
use crate::export::QuarantineReason;

/// Modules that every YARA from 4.2 on has, and YARA-X too. `string` came later, `cuckoo` and `magic` are often not
/// compiled in.
const MODULES: [&str; 7] = ["console", "dotnet", "elf", "hash", "math", "pe", "time"];

/// The most that the strings of one text may cost; see [`weight::of_strings`].
const MAX_WEIGHT: u64 = 400_000;

const COMPILER_FAULT: QuarantineReason = QuarantineReason::because("yara_compiler_fault");
const GLOBAL: QuarantineReason = QuarantineReason::because("yara_global_rule");
const INCLUDE: QuarantineReason = QuarantineReason::because("yara_include");
const MODULE: QuarantineReason = QuarantineReason::because("yara_module");
const NEWER: QuarantineReason = QuarantineReason::because("yara_newer_version");
const NAME_OF_MODULE: QuarantineReason = QuarantineReason::because("yara_name_of_module");
const NO_RULE: QuarantineReason = QuarantineReason::because("yara_no_rule");
const NOT_COMPILED: QuarantineReason = QuarantineReason::because("yara_does_not_compile");
const SET_OF_RULES: QuarantineReason = QuarantineReason::because("yara_set_of_rules");
const SYNTAX: QuarantineReason = QuarantineReason::because("yara_syntax");
const TOO_COMPLEX: QuarantineReason = QuarantineReason::because("yara_too_complex");

/// A text that compiles, ready for a file of many.
#[derive(Debug)]
pub(super) struct Source<'t> {
    pub(super) text: &'t str,
    /// The modules that its rules use.
    pub(super) imports: BTreeSet<&'static str>,
    /// The places of `import`, which go to the top of the file.
    import_spans: Vec<Range<usize>>,
    /// Where each rule's name stands: at its declaration, then in conditions.
    names: BTreeMap<String, Vec<Range<usize>>>,
}

impl<'t> Source<'t> {
    /// Reads a text and compiles it alone.
    ///
    /// # Errors
    /// Why it cannot be a part of a file.
    pub(super) fn check(text: &'t str) -> Result<Self, QuarantineReason> {
        // Every rule has a brace; this is faster than an error of the parser.
        if !text.contains('{') {
            return Err(SYNTAX);
        }
        // To YARA a carriage return alone does not end a comment.
        let has_lone_return = text.replace("\r\n", "").contains('\r');
        if has_lone_return || text.starts_with('\u{feff}') {
            return Err(SYNTAX);
        }
        if !bounds::holds(text) {
            return Err(TOO_COMPLEX);
        }
        // Parser and compiler are not ours: if one of them panics, that text is left out and not the whole file.
        catch_unwind(|| Self::compiled(text)).unwrap_or(Err(COMPILER_FAULT))
    }

    fn compiled(text: &'t str) -> Result<Self, QuarantineReason> {
        // The parser wants a line end behind a comment, which the text gets in the file.
        let file = boreal_parser::parse(&format!("{text}\n")).map_err(|_| SYNTAX)?;
        let source = Self::read(text, &file)?;
        source.compile()?;
        Ok(source)
    }

    fn read(text: &'t str, file: &YaraFile) -> Result<Self, QuarantineReason> {
        let mut source = Self {
            text,
            imports: BTreeSet::new(),
            import_spans: Vec::new(),
            names: BTreeMap::new(),
        };
        let mut weight = 0_u64;
        for component in &file.components {
            match component {
                Component::Include(_) => return Err(INCLUDE),
                Component::Import(import) => {
                    source.imports.insert(module(&import.name).ok_or(MODULE)?);
                    source.import_spans.push(import.span.clone());
                }
                Component::Rule(rule) if rule.is_global => return Err(GLOBAL),
                Component::Rule(rule) => {
                    weight = weight.saturating_add(weight::of_strings(rule));
                    weight = weight.saturating_add(of_condition(&rule.condition));
                    source.take(rule)?;
                }
            }
        }
        if source.names.is_empty() {
            return Err(NO_RULE);
        }
        if weight > MAX_WEIGHT {
            return Err(TOO_COMPLEX);
        }
        Ok(source)
    }

    /// Notes the names in a rule, after those of the rules before it: YARA knows no name before its rule.
    fn take(&mut self, rule: &Rule) -> Result<(), QuarantineReason> {
        if !portable::is_portable(rule) {
            return Err(NEWER);
        }
        // Other texts may import the module.
        if module(&rule.name).is_some() {
            return Err(NAME_OF_MODULE);
        }
        let mut outcome = Ok(());
        let mut bound = BTreeSet::new();
        walk(&rule.condition, &mut |expression| {
            match &expression.expr {
                Kind::ForIdentifiers { identifiers, .. } => bound.extend(identifiers.iter().cloned()),
                Kind::ForRules { set, .. } => {
                    for element in &set.elements {
                        if element.is_wildcard {
                            outcome = Err(SET_OF_RULES);
                        }
                        self.note(&element.name, element.span.clone());
                    }
                }
                _ => {}
            }
            if let Some(identifier) = identifier(&expression.expr) {
                self.note(&identifier.name, identifier.name_span.clone());
                if let (Some(module), false) = (module(&identifier.name), identifier.operations.is_empty()) {
                    self.imports.insert(module);
                }
            }
        });
        outcome?;
        // A loop hides a rule of the same name, and a new name of the rule must not reach into the loop.
        if bound.iter().any(|name| self.names.contains_key(name)) {
            return Err(NOT_COMPILED);
        }
        self.names
            .entry(rule.name.clone())
            .or_default()
            .push(rule.name_span.clone());
        Ok(())
    }

    fn note(&mut self, name: &str, span: Range<usize>) {
        if let Some(spans) = self.names.get_mut(name) {
            spans.push(span);
        }
    }

    /// Compiles what will stand in the file.
    fn compile(&self) -> Result<(), QuarantineReason> {
        let mut compiler = Compiler::new();
        compiler.set_params(CompilerParams::default().disable_includes(true));
        let imports: String = self
            .imports
            .iter()
            .map(|module| format!("import \"{module}\"\n"))
            .collect();
        let file = imports + &self.body(&BTreeMap::new()) + "\n";
        compiler.add_rules_str(file).map(drop).map_err(|_| NOT_COMPILED)
    }

    /// Returns the names of its rules.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.names.keys().map(String::as_str)
    }

    /// Returns the text without its imports and with other names for some rules.
    pub(super) fn body(&self, renamed: &BTreeMap<&str, String>) -> String {
        let cuts = self.import_spans.iter().map(|span| (span, ""));
        let changes = self
            .names
            .iter()
            .filter_map(|(name, spans)| Some((spans, renamed.get(name.as_str())?)));
        let changes = changes.flat_map(|(spans, new)| spans.iter().map(move |span| (span, new.as_str())));
        let mut edits: Vec<(&Range<usize>, &str)> = cuts.chain(changes).collect();
        edits.sort_by_key(|(span, _)| span.start);
        let mut body = String::with_capacity(self.text.len());
        let mut end = 0;
        for (span, new) in edits {
            body.push_str(self.text.get(end..span.start).unwrap_or_default());
            body.push_str(new);
            end = span.end;
        }
        body.push_str(self.text.get(end..).unwrap_or_default());
        body
    }
}

fn module(name: &str) -> Option<&'static str> {
    MODULES.into_iter().find(|module| *module == name)
}

/// What it costs to compile the regular expressions of a condition.
fn of_condition(condition: &Expression) -> u64 {
    let mut weight = 0_u64;
    walk(condition, &mut |expression| {
        if let Kind::Regex(regex) | Kind::Matches(_, regex) = &expression.expr {
            weight = weight.saturating_add(weight::of_node(&regex.ast));
        }
    });
    weight
}
