//! Which tags name a threat actor.
//!
//! MISP writes the cluster of a galaxy as a tag, `misp-galaxy:TYPE="NAME"`, and several galaxies hold actors. Source of
//! the list: <https://github.com/MISP/misp-galaxy> at commit 9434ace4eb925c9a1c9b3bccf014a25f9d14f0b0 of 2026-08-06,
//! the galaxies whose clusters have the category `actor`, `threat-actor` or `Threat Groups`, without those that list
//! other groups: `entity` (roles, for example *employee*), `nato`, `producer` (who writes reports) and
//! `software-vendor`. `intelligence-agency` has another category and names victims as well as attackers, and is left
//! out too.

/// The types of the galaxies whose clusters are actors.
const GALAXIES: &[&str] = &[
    "360net-threat-actor",
    "canada-listed-terrorist-entities",
    // Tidal Cyber's groups.
    "groups",
    "microsoft-activity-group",
    "mitre-enterprise-attack-intrusion-set",
    "mitre-ics-groups",
    "mitre-intrusion-set",
    "mitre-mobile-attack-intrusion-set",
    "mitre-pre-attack-intrusion-set",
    // Vendors of intrusion as a service.
    "surveillance-vendor",
    "threat-actor",
];

/// Returns the name of the actor that a tag names, or nothing for any other tag.
pub(super) fn named_by(tag: &str) -> Option<&str> {
    let (galaxy, name) = tag.strip_prefix("misp-galaxy:")?.split_once('=')?;
    let name = name.trim_matches('"');
    (GALAXIES.contains(&galaxy) && !name.is_empty()).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_actor_is_named_by_the_tag_of_every_galaxy_of_actors() {
        for galaxy in GALAXIES {
            let tag = format!("misp-galaxy:{galaxy}=\"APT28 - G0007\"");
            assert_eq!(named_by(&tag), Some("APT28 - G0007"), "{galaxy}");
        }
        assert_eq!(named_by("misp-galaxy:threat-actor=\"A=B\""), Some("A=B"));
    }

    #[test]
    fn tags_of_other_galaxies_and_taxonomies_name_none() {
        for tag in [
            "misp-galaxy:tool=\"Mimikatz\"",
            "misp-galaxy:mitre-malware=\"Emotet - S0367\"",
            "misp-galaxy:producer=\"Sophos\"",
            "misp-galaxy:intelligence-agency=\"National Intelligence Service (Albania)\"",
            "misp-galaxy:threat-actor=\"\"",
            "misp-galaxy:threat-actor",
            "threat-actor=\"APT28\"",
            "tlp:amber",
        ] {
            assert_eq!(named_by(tag), None, "{tag}");
        }
    }
}
