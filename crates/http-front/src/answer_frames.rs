//! Which bytes of an HTTP/2 connection belong to answers.

/// The length of a frame's head (RFC 9113, 4.1).
const HEAD: usize = 9;

/// Frames with answers: DATA, HEADERS, CONTINUATION. All others are talk about the connection, for example the reply to
/// a PING.
const OF_ANSWERS: [u8; 3] = [0, 1, 9];

/// Follows the frames that we send.
#[derive(Debug, Default)]
pub(crate) struct AnswerFrames {
    head: [u8; HEAD],
    /// Bytes of the head that are known.
    known: usize,
    /// Bytes of the payload that are still to come.
    left: usize,
}

impl AnswerFrames {
    /// Notes the next bytes that were sent; returns whether any of them belong to an answer.
    pub(crate) fn note(&mut self, mut bytes: &[u8]) -> bool {
        let mut is_answer = false;
        while !bytes.is_empty() {
            if self.left == 0 && self.known == HEAD {
                self.known = 0;
            }
            let count = if self.known < HEAD {
                self.note_head(bytes)
            } else {
                let count = self.left.min(bytes.len());
                self.left -= count;
                count
            };
            let [_, _, _, kind, ..] = self.head;
            is_answer |= self.known == HEAD && OF_ANSWERS.contains(&kind);
            bytes = bytes.get(count..).unwrap_or_default();
        }
        is_answer
    }

    /// Takes bytes of a head; returns how many.
    fn note_head(&mut self, bytes: &[u8]) -> usize {
        let mut count = 0;
        for (place, byte) in self.head.iter_mut().skip(self.known).zip(bytes) {
            *place = *byte;
            count += 1;
        }
        self.known += count;
        if self.known == HEAD {
            let [high, middle, low, ..] = self.head;
            self.left = u32::from_be_bytes([0, high, middle, low]) as usize;
        }
        count
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(kind: u8, length: usize) -> Vec<u8> {
        let [_, high, middle, low] = u32::try_from(length).unwrap().to_be_bytes();
        let mut frame = vec![high, middle, low, kind, 0, 0, 0, 0, 1];
        frame.extend(vec![0; length]);
        frame
    }

    #[test]
    fn heads_and_bodies_of_answers_count_and_replies_to_pings_do_not() {
        let (data, headers, settings, ping, window) =
            (frame(0, 300), frame(1, 20), frame(4, 6), frame(6, 8), frame(8, 4));
        let mut frames = AnswerFrames::default();
        assert!(!frames.note(&[settings.clone(), ping.clone(), window].concat()));
        assert!(frames.note(&headers));
        assert!(!frames.note(&ping));
        assert!(frames.note(&[ping.clone(), frame(0, 0)].concat()));
        assert!(!frames.note(&ping));
        assert!(frames.note(&[ping, data, settings].concat()));
    }

    #[test]
    fn frames_that_leave_in_pieces_are_followed() {
        let sent = [frame(6, 8), frame(0, 5), frame(6, 8)].concat();
        let mut frames = AnswerFrames::default();
        let counted: Vec<bool> = sent.iter().map(|byte| frames.note(&[*byte])).collect();
        let expected: Vec<bool> = (0..sent.len()).map(|place| (25..31).contains(&place)).collect();
        assert_eq!(counted, expected);
    }
}
