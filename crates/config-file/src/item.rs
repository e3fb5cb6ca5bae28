//! One item of a list.

/// An item of a list: its value, if it has an effect, and a note about it.
pub struct Item<T> {
    /// The value.
    pub value: Option<T>,
    /// The note.
    pub note: Option<String>,
}

impl<T> From<T> for Item<T> {
    fn from(value: T) -> Self {
        Self {
            value: Some(value),
            note: None,
        }
    }
}
