//! Server-sent events out of bytes (WHATWG HTML, section "Server-sent events"), within bounds.

use super::super::SourceError;

/// One event.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Event {
    /// Its type; empty where none is named.
    pub(super) name: String,
    pub(super) data: String,
    /// The state that is reached with it.
    pub(super) id: Option<String>,
}

/// What the lines of an event are read with, however the bytes are cut.
#[derive(Debug)]
pub(super) struct Reader {
    /// Bytes of a line whose end has not come.
    line: Vec<u8>,
    event: Event,
    has_fields: bool,
    /// Bytes of the event so far.
    size: usize,
    most: usize,
    /// The last byte was a carriage return, so that a line feed behind it ends no further line.
    after_return: bool,
    is_first_line: bool,
}

impl Reader {
    /// Takes events of at most `most` bytes.
    pub(super) const fn new(most: usize) -> Self {
        Self {
            line: Vec::new(),
            event: Event {
                name: String::new(),
                data: String::new(),
                id: None,
            },
            has_fields: false,
            size: 0,
            most,
            after_return: false,
            is_first_line: true,
        }
    }

    /// Takes the next bytes, and hands on every event that ends in them.
    ///
    /// # Errors
    /// If an event is too large or no text.
    pub(super) fn read(&mut self, bytes: &[u8], events: &mut Vec<Event>) -> Result<(), SourceError> {
        let mut rest = bytes;
        while let Some(&first) = rest.first() {
            if std::mem::take(&mut self.after_return) && first == b'\n' {
                rest = rest.get(1..).unwrap_or_default();
                continue;
            }
            let end = rest.iter().position(|byte| matches!(byte, b'\n' | b'\r'));
            let (line, after) = rest.split_at(end.unwrap_or(rest.len()));
            self.size += line.len();
            if self.size > self.most {
                return Err(SourceError::TooLarge { limit: self.most });
            }
            self.line.extend_from_slice(line);
            if end.is_some() {
                self.after_return = after.first() == Some(&b'\r');
                events.extend(self.end_of_line()?);
            }
            rest = after.get(1..).unwrap_or_default();
        }
        Ok(())
    }

    /// Takes the line that has ended; returns the event that ends with an empty one.
    fn end_of_line(&mut self) -> Result<Option<Event>, SourceError> {
        let line = String::from_utf8(std::mem::take(&mut self.line)).map_err(|error| {
            SourceError::Unreadable(std::io::Error::new(std::io::ErrorKind::InvalidData, error.utf8_error()))
        })?;
        let is_first = std::mem::take(&mut self.is_first_line);
        let line = line.strip_prefix('\u{feff}').filter(|_| is_first).unwrap_or(&line);
        if line.is_empty() {
            self.size = 0;
            let event = std::mem::take(&mut self.event);
            return Ok(std::mem::take(&mut self.has_fields).then_some(event));
        }
        let (field, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "event" => value.clone_into(&mut self.event.name),
            "data" => {
                if !self.event.data.is_empty() {
                    self.event.data.push('\n');
                }
                self.event.data.push_str(value);
            }
            "id" if !value.contains('\0') => self.event.id = Some(value.to_owned()),
            // `retry`, comments and what later versions have: each host keeps its own pauses.
            _ => return Ok(None),
        }
        self.has_fields = true;
        Ok(None)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(chunks: &[&[u8]]) -> Vec<Event> {
        let (mut reader, mut events) = (Reader::new(100), Vec::new());
        for chunk in chunks {
            reader.read(chunk, &mut events).unwrap();
        }
        events
    }

    fn event(name: &str, data: &str, id: Option<&str>) -> Event {
        Event {
            name: name.to_owned(),
            data: data.to_owned(),
            id: id.map(str::to_owned),
        }
    }

    #[test]
    fn events_are_read_whatever_ends_their_lines() {
        let wanted = [event("added", "one\ntwo", Some("s1")), event("alive", "{}", None)];
        let text = "\u{feff}retry: 3000\n\n: a comment\nevent: added\ndata: one\ndata:two\nid: s1\n\nevent: alive\ndata: {}\n\n";
        assert_eq!(read(&[text.as_bytes()]), wanted);
        assert_eq!(read(&[text.replace('\n', "\r\n").as_bytes()]), wanted);
        assert_eq!(read(&[text.replace('\n', "\r").as_bytes()]), wanted);
    }

    #[test]
    fn what_has_not_ended_is_no_event() {
        assert_eq!(read(&[b"event: removed\ndata: {}\nid: s2\n"]), []);
        assert_eq!(read(&[b"\n\n\n: only a comment\n\n"]), []);
    }

    #[test]
    fn an_event_without_end_and_one_that_is_no_text_are_refused() {
        let mut reader = Reader::new(100);
        let mut events = Vec::new();
        let refused = (0..20)
            .map(|_| reader.read(b"data: aaaa\n", &mut events))
            .find(Result::is_err);
        assert!(
            matches!(refused, Some(Err(SourceError::TooLarge { limit: 100 }))),
            "{refused:?}"
        );
        let refused = Reader::new(100).read(b"data: \xff\n", &mut events);
        assert!(matches!(refused, Err(SourceError::Unreadable(_))), "{refused:?}");
        assert_eq!(events, []);
    }

    proptest! {
        #[test]
        fn where_the_bytes_are_cut_makes_no_difference(
            text in "(event: [ab]|data: [a-c]{0,9}|id: [0-9]|:|\r\n|\n|\r){0,30}",
            cuts in proptest::collection::vec(0..60_usize, 0..6),
        ) {
            let bytes = text.as_bytes();
            let mut cuts: Vec<usize> = cuts.into_iter().map(|cut| cut.min(bytes.len())).chain([0, bytes.len()]).collect();
            cuts.sort_unstable();
            let chunks: Vec<&[u8]> = cuts.windows(2).map(|pair| &bytes[pair[0]..pair[1]]).collect();
            let mut whole = Vec::new();
            if Reader::new(1000).read(bytes, &mut whole).is_ok() {
                let (mut reader, mut events) = (Reader::new(1000), Vec::new());
                for chunk in chunks {
                    reader.read(chunk, &mut events).unwrap();
                }
                prop_assert_eq!(events, whole);
            }
        }

        #[test]
        fn no_bytes_make_the_reader_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            let _ = Reader::new(64).read(&bytes, &mut Vec::new());
        }
    }
}
