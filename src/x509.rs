//! X.509 certificates, as far as a registration looks into them: how long one is valid, and what key it is of.

use time::{Date, Month, OffsetDateTime, Time};

const INTEGER: u8 = 0x02;
const BIT_STRING: u8 = 0x03;
const OBJECT_IDENTIFIER: u8 = 0x06;
const SEQUENCE: u8 = 0x30;
const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;
/// The version of a certificate, which the first version has not.
const VERSION: u8 = 0xa0;

/// The algorithm `rsaEncryption` (1.2.840.113549.1.1.1).
const RSA_ENCRYPTION: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01];

/// What a certificate says of itself ([RFC 5280, 4.1](https://www.rfc-editor.org/rfc/rfc5280#section-4.1)).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct CertificateFacts {
    pub(crate) not_before: OffsetDateTime,
    pub(crate) not_after: OffsetDateTime,
    /// The bits of its key, where that is an RSA key.
    pub(crate) rsa_bits: Option<usize>,
}

impl CertificateFacts {
    /// Reads a certificate in DER; `None` where it is none.
    pub(crate) fn read(der: &[u8]) -> Option<Self> {
        let mut rest = der;
        let mut certificate = element(&mut rest, SEQUENCE).filter(|_| rest.is_empty())?;
        let mut members = element(&mut certificate, SEQUENCE)?;
        let _version = element(&mut members, VERSION);
        let _serial_number = element(&mut members, INTEGER)?;
        let _signature = element(&mut members, SEQUENCE)?;
        let _issuer = element(&mut members, SEQUENCE)?;
        let mut validity = element(&mut members, SEQUENCE)?;
        let (not_before, not_after) = (moment(&mut validity)?, moment(&mut validity)?);
        let _subject = element(&mut members, SEQUENCE)?;
        let mut key = element(&mut members, SEQUENCE)?;
        let mut algorithm = element(&mut key, SEQUENCE)?;
        let is_rsa = element(&mut algorithm, OBJECT_IDENTIFIER)? == RSA_ENCRYPTION;
        // The first byte counts the unused bits at the end.
        let bits = element(&mut key, BIT_STRING)?.strip_prefix(&[0]).map(modulus_bits);
        Some(Self { not_before, not_after, rsa_bits: bits.filter(|_| is_rsa) })
    }
}

/// The SHA-1 of a certificate in DER, by which the directory knows it: forty upper-case hexadecimal digits.
pub(crate) fn thumbprint(der: &[u8]) -> String {
    sha1_smol::Sha1::from(der).digest().to_string().to_uppercase()
}

/// The key in a `SubjectPublicKeyInfo` ([RFC 5280, 4.1](https://www.rfc-editor.org/rfc/rfc5280#section-4.1)).
#[cfg(feature = "certificate")]
pub(crate) fn public_key(mut info: &[u8]) -> Option<&[u8]> {
    let mut info = element(&mut info, SEQUENCE)?;
    let _algorithm = element(&mut info, SEQUENCE)?;
    element(&mut info, BIT_STRING)?.strip_prefix(&[0])
}

/// The bits of the modulus in an `RSAPublicKey`
/// ([RFC 8017, A.1.1](https://www.rfc-editor.org/rfc/rfc8017#appendix-A.1.1)); zero for anything else.
pub(crate) fn modulus_bits(mut key: &[u8]) -> usize {
    let modulus = element(&mut key, SEQUENCE).and_then(|mut members| element(&mut members, INTEGER));
    // A positive number whose first bit is set has a zero in front of it.
    let modulus = modulus.map(|bytes| bytes.strip_prefix(&[0]).unwrap_or(bytes)).unwrap_or_default();
    modulus.first().map_or(0, |first| modulus.len() * 8 - first.leading_zeros() as usize)
}

/// Takes a time off the front: of two digits for the year until 2049, and of four from then on.
fn moment(rest: &mut &[u8]) -> Option<OffsetDateTime> {
    let (text, year_digits) = match rest.first()? {
        &UTC_TIME => (element(rest, UTC_TIME)?, 2),
        _ => (element(rest, GENERALIZED_TIME)?, 4),
    };
    let (digits, zone) = text.split_at_checked(year_digits + 10)?;
    let digits =
        std::str::from_utf8(digits).ok().filter(|it| zone == b"Z" && it.bytes().all(|it| it.is_ascii_digit()))?;
    let (year, rest) = digits.split_at(year_digits);
    let year: i32 = match year.parse().ok()? {
        short @ 0..50 if year_digits == 2 => 2000 + short,
        short if year_digits == 2 => 1900 + short,
        year => year,
    };
    let part = |at: usize| rest[at..at + 2].parse::<u8>().ok();
    let date = Date::from_calendar_date(year, Month::try_from(part(0)?).ok()?, part(2)?).ok()?;
    Some(date.with_time(Time::from_hms(part(4)?, part(6)?, part(8)?).ok()?).assume_utc())
}

/// Takes one element of DER off the front of `rest` and returns its content.
fn element<'a>(rest: &mut &'a [u8], tag: u8) -> Option<&'a [u8]> {
    let (&length, mut after) = rest.strip_prefix(&[tag])?.split_first()?;
    let length = match length {
        0..0x80 => usize::from(length),
        // The long form: the low bits count the bytes of the length.
        _ => {
            let bytes = after.split_off(..usize::from(length & 0x7f)).filter(|bytes| bytes.len() <= 4)?;
            bytes.iter().fold(0, |length, byte| length << 8 | usize::from(*byte))
        }
    };
    let content = after.split_off(..length)?;
    *rest = after;
    Some(content)
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::macros::datetime;

    const ONE: &[u8] = include_bytes!("../emulator/certificates/one.der");

    #[test]
    fn a_certificate_says_how_long_it_is_valid_and_what_key_it_has() {
        let facts = CertificateFacts::read(ONE).unwrap();
        assert_eq!(
            facts,
            CertificateFacts {
                not_before: datetime!(2020-01-01 00:00 UTC),
                not_after: datetime!(2040-01-01 00:00 UTC),
                rsa_bits: Some(2048),
            }
        );
        assert_eq!(thumbprint(ONE), "B17CCC3DA27E502C065B989087BB2FF219BEE819");
        assert_eq!(CertificateFacts::read(b"no certificate"), None);
        // One byte less, or one more, at any place of its head is none.
        for cut in 1..ONE.len() {
            assert_eq!(CertificateFacts::read(&ONE[..cut]), None, "{cut}");
        }
        assert_eq!(CertificateFacts::read(&[ONE, &[0]].concat()), None);
    }

    #[test]
    fn times_are_read_in_both_forms() {
        let read = |tag: u8, text: &str| {
            let der = [&[tag, u8::try_from(text.len()).unwrap()], text.as_bytes()].concat();
            moment(&mut der.as_slice())
        };
        assert_eq!(read(UTC_TIME, "491231235959Z"), Some(datetime!(2049-12-31 23:59:59 UTC)));
        assert_eq!(read(UTC_TIME, "500101000000Z"), Some(datetime!(1950-01-01 00:00 UTC)));
        assert_eq!(read(GENERALIZED_TIME, "20500101000000Z"), Some(datetime!(2050-01-01 00:00 UTC)));
        for (tag, wrong) in
            [(UTC_TIME, "4912312359Z"), (UTC_TIME, "491331235959Z"), (GENERALIZED_TIME, "20500101000000+")]
        {
            assert_eq!(read(tag, wrong), None, "{wrong}");
        }
    }

    #[test]
    fn an_element_is_taken_off_with_its_length() {
        let long = [&[SEQUENCE, 0x81, 0x80][..], &[7; 0x80], &[9]].concat();
        let mut rest = long.as_slice();
        assert_eq!((element(&mut rest, SEQUENCE).unwrap(), rest), (&[7; 0x80][..], &[9][..]));
        for damaged in [&[][..], &[SEQUENCE], &[INTEGER, 0], &[SEQUENCE, 2, 1], &[SEQUENCE, 0x82, 1], &[SEQUENCE, 0xff]]
        {
            let mut rest = damaged;
            assert_eq!((element(&mut rest, SEQUENCE), rest), (None, damaged));
        }
    }

    #[test]
    fn the_length_of_a_key_is_that_of_its_modulus() {
        let key = |modulus: &[u8]| {
            let length = |bytes: usize| [0x82, u8::try_from(bytes >> 8).unwrap(), u8::try_from(bytes & 0xff).unwrap()];
            let members = [&[INTEGER][..], &length(modulus.len()), modulus, &[INTEGER, 1, 3]].concat();
            [&[SEQUENCE][..], &length(members.len()), &members].concat()
        };
        assert_eq!(modulus_bits(&key(&[&[0][..], &[0x80; 256]].concat())), 2048);
        assert_eq!(modulus_bits(&key(&[0x7f; 256])), 2047);
        assert_eq!(modulus_bits(&key(&[])), 0);
        assert_eq!(modulus_bits(b"junk"), 0);
    }
}
