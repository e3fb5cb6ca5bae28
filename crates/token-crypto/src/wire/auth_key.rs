//! MISP keys: 40 alphanumerics, as MISP makes them, take 30 bytes; others a length and their characters.

use secrecy::SecretString;
use zeroize::Zeroizing;

use super::Reader;

/// The characters of an ordinary MISP key and the bytes of its packed form: two halves of 20 base-62 digits in 15 bytes
/// each.
const KEY_LEN: usize = 40;
const HALF_LEN: usize = KEY_LEN / 2;
const PACKED_HALF: usize = 15;
/// 62^20, which is below 2^120.
const HALF_VALUES: u128 = 62_u128.pow(20);

/// Returns the packed form, or `None` if the key is not 40 alphanumerics.
pub(super) fn pack(key: &str) -> Option<Zeroizing<[u8; 2 * PACKED_HALF]>> {
    let key: &[u8; KEY_LEN] = key.as_bytes().try_into().ok()?;
    let mut packed = Zeroizing::new([0; 2 * PACKED_HALF]);
    for (half, out) in key.chunks_exact(HALF_LEN).zip(packed.chunks_exact_mut(PACKED_HALF)) {
        let mut value = Zeroizing::new(0_u128);
        for byte in half {
            *value = *value * 62 + u128::from(digit(*byte)?);
        }
        let bytes = Zeroizing::new(value.to_be_bytes());
        out.copy_from_slice(bytes.last_chunk::<PACKED_HALF>()?);
    }
    Some(packed)
}

/// Returns the key that was packed, or `None` if no key packs into these bytes.
pub(super) fn unpack(packed: &[u8; 2 * PACKED_HALF]) -> Option<SecretString> {
    let mut key = Zeroizing::new([0; KEY_LEN]);
    for (half, out) in packed.chunks_exact(PACKED_HALF).zip(key.chunks_exact_mut(HALF_LEN)) {
        let mut value = half.iter().fold(Zeroizing::new(0_u128), |mut value, byte| {
            *value = *value << 8 | u128::from(*byte);
            value
        });
        if *value >= HALF_VALUES {
            return None;
        }
        for character in out.iter_mut().rev() {
            *character = alphanumeric((*value % 62) as u8);
            *value /= 62;
        }
    }
    std::str::from_utf8(&*key).ok().map(SecretString::from)
}

/// Writes a key that does not pack. Returns `None` if it is not 1 to 255 printable ASCII characters without spaces.
pub(super) fn write(out: &mut Vec<u8>, key: &str) -> Option<()> {
    is_key(key.as_bytes()).then_some(())?;
    super::write_text(out, key)
}

/// Reads the bytes of [`write()`]; a key that packs is refused here.
pub(super) fn read(from: &mut Reader<'_>) -> Option<SecretString> {
    let key = from
        .text()
        .filter(|key| is_key(key.as_bytes()) && pack(key).is_none())?;
    Some(SecretString::from(key))
}

fn is_key(key: &[u8]) -> bool {
    (1..=255).contains(&key.len()) && key.iter().all(u8::is_ascii_graphic)
}

fn digit(byte: u8) -> Option<u8> {
    match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'A'..=b'Z' => Some(byte - b'A' + 10),
        b'a'..=b'z' => Some(byte - b'a' + 36),
        _ => None,
    }
}

fn alphanumeric(digit: u8) -> u8 {
    match digit {
        0..=9 => b'0' + digit,
        10..=35 => b'A' + digit - 10,
        _ => b'a' + digit - 36,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use secrecy::ExposeSecret;

    #[test]
    fn the_first_and_the_last_key_pack() {
        for key in ["0".repeat(40), "z".repeat(40)] {
            assert_eq!(unpack(&pack(&key).unwrap()).unwrap().expose_secret(), key);
        }
        assert_eq!(*pack(&"0".repeat(40)).unwrap(), [0; 30]);
        assert!(unpack(&[0xFF; 30]).is_none());
        for other in [
            "",
            "short",
            &"0".repeat(39),
            &"0".repeat(41),
            &"-".repeat(40),
            &"é".repeat(20),
        ] {
            assert!(pack(other).is_none(), "{other}");
        }
    }

    proptest! {
        #[test]
        fn packed_keys_read_back(key in "[A-Za-z0-9]{40}") {
            let packed = pack(&key).unwrap();
            let unpacked = unpack(&packed).unwrap();
            prop_assert_eq!(unpacked.expose_secret(), key);
        }

        #[test]
        fn packed_bytes_have_one_key(bytes in any::<[u8; 30]>()) {
            if let Some(key) = unpack(&bytes) {
                prop_assert_eq!(*pack(key.expose_secret()).unwrap(), bytes);
            }
        }
    }
}
