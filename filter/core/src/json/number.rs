//! Numbers (RFC 8259, 6), of which only the whole ones have a value.

use super::Rest;

impl Rest<'_> {
    pub(super) fn number(&mut self) -> Option<Option<u32>> {
        let is_negative = self.next_if(|octet| octet == b'-').is_some();
        let mut number = Decimal::ZERO;
        if self.next_if(|octet| octet == b'0').is_none() {
            self.digits(|digit| number.push(digit))?;
        }
        if self.next_if(|octet| octet == b'.').is_some() {
            self.digits(|digit| {
                number.push(digit);
                number.exponent -= 1;
            })?;
        }
        if self
            .next_if(|octet| octet.eq_ignore_ascii_case(&b'e'))
            .is_some()
        {
            number.exponent = number.exponent.saturating_add(self.exponent()?);
        }
        Some(number.whole().filter(|_| !is_negative))
    }

    fn exponent(&mut self) -> Option<i64> {
        let sign = self.next_if(|octet| matches!(octet, b'+' | b'-'));
        let mut exponent: i64 = 0;
        self.digits(|digit| {
            exponent = exponent.saturating_mul(10).saturating_add(digit.into());
        })?;
        Some(if sign == Some(b'-') {
            -exponent
        } else {
            exponent
        })
    }

    /// One digit or more.
    fn digits(&mut self, mut each: impl FnMut(u8)) -> Option<()> {
        let is_digit = |octet: u8| octet.is_ascii_digit();
        each(self.next_if(is_digit)? - b'0');
        while let Some(digit) = self.next_if(is_digit) {
            each(digit - b'0');
        }
        Some(())
    }
}

/// A number in decimal digits.
struct Decimal {
    /// The digits up to the last that is no zero; `None` if they are more than any `u32` has.
    significant: Option<u32>,
    /// The zeros after these.
    zeros: u32,
    /// The power of ten by which the digits are multiplied.
    exponent: i64,
}

impl Decimal {
    const ZERO: Self = Self {
        significant: Some(0),
        zeros: 0,
        exponent: 0,
    };

    fn push(&mut self, digit: u8) {
        self.zeros = self.zeros.saturating_add(1);
        if digit != 0 {
            let shifted = self.shifted(self.zeros.into());
            self.significant = shifted.and_then(|number| number.checked_add(digit.into()));
            self.zeros = 0;
        }
    }

    fn whole(&self) -> Option<u32> {
        self.shifted(self.exponent.saturating_add(self.zeros.into()))
    }

    /// The significant digits and so many zeros.
    fn shifted(&self, zeros: i64) -> Option<u32> {
        match self.significant? {
            0 => Some(0),
            digits => digits.checked_mul(10_u32.checked_pow(zeros.try_into().ok()?)?),
        }
    }
}
