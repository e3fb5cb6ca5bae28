//! Why a value is in a feed or not, and what an output does with it.

mod of_misp;
mod output_effect;
mod reasons;

use catalogue::{Catalogue, Classes, Explanation, Question, View};
use feed_classification::{IndicatorType, Tlp};

pub(crate) use of_misp::{Inquiry, explain as of_misp};
pub use output_effect::OutputEffect;
pub use reasons::{ReasonedAttribute, Reasons};

/// Returns an explanation that knows the form of the value and no attribute.
pub(crate) fn in_normal_form(kind: IndicatorType, text: &str) -> Explanation {
    let nothing = Catalogue::new(Classes::defaults()).snapshot();
    nothing.explain(&Question::new(kind), text, View::up_to(Tlp::Red))
}
