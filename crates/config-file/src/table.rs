//! Tables of keys.

use crate::Key;

/// The tables whose keys one map of a file may hold.
pub type Tables = &'static [&'static [Key]];

/// Defines a struct together with the table of its keys.
///
/// A row is everything that a key needs: where it comes from, its name, the form of its values, its default, its
/// meaning and, behind `=>`, its field and its [reader](crate::reader). A row without a field is read by hand. Fields
/// that need more than one key stand behind `with`.
///
/// The macro adds `KEYS`, the table, and `read_keys`, which reads all rows that have a field and returns a function
/// that takes the other fields: so every key is read, and its problems are reported, before a missing field makes the
/// caller give up.
///
/// ```
/// use config_file::{Report, Section, absent, default, reader};
///
/// config_file::keys! {
///     /// What `service.yaml` says.
///     #[derive(Debug)]
///     pub struct Service {
///         ours "name", "text", absent("none"), "how the service is called" => name: Option<String> = reader::optional(config_file::value::text);
///         ours "retries", "0 to 9", default("3"), "attempts after the first one" => retries: u32 = reader::number(0, 9);
///     } with {
///         /// Where it was read.
///         pub file: std::path::PathBuf,
///     }
/// }
///
/// let mut report = Report::new("service.yaml".as_ref());
/// let node = config_file::read_text("name: x\n", &mut report).expect("it is YAML");
/// let mut section = Section::new(&[Service::KEYS], "", node, &mut report).expect("it is a map");
/// let complete = Service::read_keys(&mut section);
/// section.finish();
/// let service = complete("service.yaml".into());
/// assert_eq!((service.name.as_deref(), service.retries), (Some("x"), 3));
/// ```
#[macro_export]
macro_rules! keys {
    (
        $(#[$meta:meta])*
        $vis:vis struct $name:ident {
            $(
                $origin:ident $key:literal, $value:expr, $absence:expr, $meaning:literal
                $( => $(#[$field_meta:meta])* $field:ident : $type:ty = $read:expr )? ;
            )*
        }
        $( with {
            $( $(#[$other_meta:meta])* $other_vis:vis $other:ident : $other_type:ty ),* $(,)?
        } )?
    ) => {
        $(#[$meta])*
        $vis struct $name {
            $($(
                #[doc = concat!("`", $key, "`: ", $meaning, ".")]
                $(#[$field_meta])*
                pub $field: $type,
            )?)*
            $($( $(#[$other_meta])* $other_vis $other: $other_type, )*)?
        }

        impl $name {
            /// The table of its keys.
            pub(crate) const KEYS: &'static [$crate::Key] = &[
                $( $crate::Key::new($crate::keys!(@origin $origin), $key, $value, $absence, $meaning), )*
            ];

            /// Reads every row that has a field, and returns a function that takes the other fields.
            pub(crate) fn read_keys(
                section: &mut $crate::Section<'_>,
            ) -> impl FnOnce($($($other_type),*)?) -> Self + use<> {
                $($( let $field = ($read)(section, $key); )?)*
                move |$($($other: $other_type),*)?| Self {
                    $($( $field, )?)*
                    $($( $other, )*)?
                }
            }
        }
    };
    (@origin ours) => { $crate::Origin::Ours };
    (@origin theirs) => { $crate::Origin::Reference };
}
