//! A decaying model: the numbers by which scores sink.

use uuid::Uuid;

/// A model of how scores sink. The stand-in knows MISP's formula `Polynomial` only; it gives no scores by any other.
#[derive(Debug, Clone, PartialEq)]
pub struct DecayingModel {
    /// Its number; 0 asks for the next free one.
    pub id: u64,
    /// Its UUID.
    pub uuid: Option<Uuid>,
    /// Its name.
    pub name: String,
    /// Its description.
    pub description: String,
    /// The name of its formula.
    pub formula: String,
    /// Days until nothing is left.
    pub lifetime: f64,
    /// How fast a score falls at first.
    pub decay_speed: f64,
    /// Below it an attribute is decayed.
    pub threshold: f64,
    /// The score where no tag has a say.
    pub default_base_score: f64,
    /// Weights of taxonomies (`retention`) and their predicates (`phishing:state`).
    pub base_score_config: Vec<(String, f64)>,
    /// The attribute types that it is for.
    pub attribute_types: Vec<String>,
    /// Whether it is switched on.
    pub enabled: bool,
    /// Its version.
    pub version: u64,
}

impl DecayingModel {
    /// Returns an enabled model with the numbers of MISP's "NIDS Simple Decaying Model", but no weights.
    #[must_use]
    pub fn new(name: impl Into<String>, attribute_types: &[&str]) -> Self {
        Self {
            id: 0,
            uuid: None,
            name: name.into(),
            description: String::new(),
            formula: "Polynomial".to_owned(),
            lifetime: 120.0,
            decay_speed: 2.0,
            threshold: 30.0,
            default_base_score: 80.0,
            base_score_config: Vec::new(),
            attribute_types: attribute_types.iter().map(ToString::to_string).collect(),
            enabled: true,
            version: 1,
        }
    }

    /// Returns the model "NIDS Simple Decaying Model" as MISP 2.5.1 comes with it, switched on.
    #[must_use]
    pub fn nids() -> Self {
        let types = [
            "domain",
            "domain|ip",
            "hostname",
            "hostname|port",
            "ip-dst",
            "ip-dst|port",
            "ip-src",
            "ip-src|port",
            "url",
            "snort",
            "suricata",
            "zeek",
            "bro",
        ];
        let weights = [
            ("estimative-language:confidence-in-analytic-judgment", 0.1667),
            ("estimative-language:likelihood-probability", 0.1667),
            ("false-positive:risk", 0.1667),
            ("priority-level", 0.1667),
            ("retention", 0.1667),
            ("targeted-threat-index:targeting-sophistication-base-value", 0.0833),
            ("targeted-threat-index:technical-sophistication-multiplier", 0.0833),
        ];
        Self {
            uuid: Some(Uuid::from_u128(0x073f_ae4a_2377_4cfa_bd34_2516_830d_33c3)),
            description: "Simple decaying model for Network Intrusion Detection System (NIDS). ".to_owned(),
            base_score_config: weights.map(|(name, weight)| (name.to_owned(), weight)).to_vec(),
            version: 2,
            ..Self::new("NIDS Simple Decaying Model", &types)
        }
    }

    /// Adds a weight.
    #[must_use]
    pub fn weight(mut self, taxonomy: impl Into<String>, weight: f64) -> Self {
        self.base_score_config.push((taxonomy.into(), weight));
        self
    }
}
