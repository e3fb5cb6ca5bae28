//! Turns of phrase that make a text hard to read stay rare.
//!
//! The limits are rates, since a word that is right once is a tic when every paragraph has it. `cargo xtask words`
//! prints the table.

use super::files::File;
use crate::prose::{Measured, TURNS, measure};

/// How often a small room may have a turn: two sentences are not a tic.
const FREE: usize = 2;

/// Returns the turns of [`TURNS`] that are too frequent, with every place.
pub(super) fn breaches(files: &[File]) -> anyhow::Result<Vec<String>> {
    let rooms = measure(files)?;
    let rooms = rooms.iter().filter(|(name, _)| *name != "all");
    Ok(rooms.flat_map(|(name, room)| breaches_in(name, room)).collect())
}

fn breaches_in(name: &str, room: &Measured) -> Vec<String> {
    let mut found = Vec::new();
    for ((turn, places), number) in TURNS.iter().zip(&room.places).zip(0..) {
        let rate = room.rate(number);
        if rate > turn.limit && places.len() > FREE {
            found.push(format!(
                "{name}: \"{}\" stands {rate:.1} times in 10 000 words, {} at most: {} ({})",
                turn.name,
                turn.limit,
                turn.cure,
                places.join(", ")
            ));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn room(text: &str) -> Vec<String> {
        let file = File {
            path: "crates/newcomer/src/lib.rs".to_owned(),
            text: text.to_owned(),
        };
        breaches(&[file]).unwrap()
    }

    #[test]
    fn a_frequent_turn_is_reported_with_its_places_and_a_cure() {
        let found = room(&"// Tells it.\n".repeat(3));
        assert_eq!(found.len(), 1);
        assert!(
            found[0].contains("logs, reports") && found[0].contains("lib.rs:3"),
            "{}",
            found[0]
        );
    }

    #[test]
    fn a_rare_turn_is_fine() {
        assert!(room("// Tells it.\nfn told() {}\n").is_empty());
    }
}
