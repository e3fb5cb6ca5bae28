//! A tag, and its use on an event or attribute.

/// A tag that events and attributes may carry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tag {
    /// Its number; 0 asks for the next free one.
    pub id: u64,
    /// Its name; MISP compares it byte by byte.
    pub name: String,
    /// Its colour as `#rrggbb`.
    pub colour: String,
    /// Whether it is in answers without `includeAllTags`.
    pub exportable: bool,
    /// Its numerical value, where a taxonomy has one.
    pub numerical_value: Option<i64>,
}

impl Tag {
    /// Returns an exportable tag with the next free number and a colour made from the name.
    #[must_use]
    pub fn new(name: impl Into<String>) -> Self {
        let name = name.into();
        let mix = name
            .bytes()
            .fold(0x0033_6699_u32, |mix, byte| mix.rotate_left(5) ^ u32::from(byte));
        Self {
            id: 0,
            colour: format!("#{:06x}", mix & 0x00ff_ffff),
            name,
            exportable: true,
            numerical_value: None,
        }
    }

    /// Sets its numerical value, as a taxonomy does.
    #[must_use]
    pub fn worth(mut self, numerical_value: i64) -> Self {
        self.numerical_value = Some(numerical_value);
        self
    }
}

/// A tag put on an event or an attribute.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TagUse {
    /// The name of the tag; made when it does not exist.
    pub name: String,
    /// Whether it is attached locally: such a tag does not change the event (fact 60).
    pub local: bool,
}

impl<T: Into<String>> From<T> for TagUse {
    fn from(name: T) -> Self {
        Self {
            name: name.into(),
            local: false,
        }
    }
}
