//! Digits of numbers, eight at once: a line has dozens of numbers, and most have several digits.

/// More than eight digits can tell.
pub(super) const BEYOND: u32 = 100_000_000;

/// A number below [`BEYOND`] with leading zeros.
#[inline]
pub(super) fn eight_digits(number: u32) -> [u8; 8] {
    (ones(number) | u64::from_le_bytes(*b"00000000")).to_le_bytes()
}

/// The same without leading zeros: as text that begins in the first byte, and how long it is.
#[inline]
pub(super) fn digits(number: u32) -> ([u8; 8], usize) {
    let digits = ones(number);
    // Nought has a digit too.
    let zeros = (digits.trailing_zeros() / 8).min(7);
    let text = (digits | u64::from_le_bytes(*b"00000000")) >> (8 * zeros);
    (text.to_le_bytes(), 8 - zeros as usize)
}

/// Each digit in a byte of its own, the first in the lowest: halves are halved, in lanes that do not touch.
const fn ones(number: u32) -> u64 {
    // A multiplication and a shift divide all lanes at once, exactly for numbers as small as these.
    let fours = (number as u64 / 10_000) | ((number as u64 % 10_000) << 32);
    let twos = ((fours * 10_486) >> 20) & 0x0000_007F_0000_007F;
    let twos = twos | ((fours - twos * 100) << 16);
    let tens = ((twos * 103) >> 10) & 0x000F_000F_000F_000F;
    tens | ((twos - tens * 10) << 8)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_number_of_four_digits_in_either_half() {
        for number in 0..10_000 {
            let (text, len) = digits(number);
            assert_eq!(text.get(..len), Some(number.to_string().as_bytes()));
            for whole in [number, number * 10_000, number * 10_001] {
                assert_eq!(eight_digits(whole), *format!("{whole:08}").as_bytes());
            }
        }
    }

    proptest::proptest! {
        #[test]
        fn as_the_standard_library_says(number in 0..BEYOND) {
            let (text, len) = digits(number);
            let text = String::from_utf8(text[..len].to_vec()).unwrap();
            proptest::prop_assert_eq!(text, number.to_string());
        }
    }
}
