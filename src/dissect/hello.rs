//! The TLS `ClientHello`: server name and application protocols, before all is hidden (RFC 8446 §4.1.2, RFC 6066 §3,
//! RFC 7301 §3.1).

/// What a `ClientHello` tells.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Hello {
    /// Server name.
    pub(super) sni: Option<Box<str>>,
    /// Protocols offered.
    pub(super) alpn: Vec<Box<str>>,
}

/// No hello that a server takes is longer.
pub(super) const LONGEST: usize = 1 << 14;
/// Protocols kept of an offer.
const MOST_PROTOCOLS: usize = 16;

/// Reads the records that a client sends first. `None` while more bytes are needed; of what is no `ClientHello`, or cut
/// off where `is_all`, as much as there is.
pub(super) fn parse(records: &[u8], is_all: bool) -> Option<Hello> {
    const HANDSHAKE: u8 = 22;
    const CLIENT_HELLO: u8 = 1;
    let mut message = Vec::new();
    let mut rest = records;
    let whole = loop {
        if let Some((kind, len, body)) = handshake(&message) {
            if kind != CLIENT_HELLO {
                return Some(Hello::default());
            }
            if body.len() >= len {
                break true;
            }
        }
        let Some((&[kind, _, _, high, low], fragment)) = rest.split_first_chunk() else {
            break false;
        };
        if kind != HANDSHAKE {
            break true;
        }
        let len = usize::from(u16::from_be_bytes([high, low]));
        let (fragment, next) = fragment.split_at_checked(len).unwrap_or((fragment, &[]));
        message.extend_from_slice(fragment);
        rest = next;
    };
    if !whole && !is_all {
        return None;
    }
    let mut hello = Hello::default();
    if let Some((_, len, body)) = handshake(&message) {
        let _ = read(body.get(..len).unwrap_or(body), &mut hello);
    }
    Some(hello)
}

/// Type, length and body of a handshake message.
fn handshake(message: &[u8]) -> Option<(u8, usize, &[u8])> {
    let (&[kind, a, b, c], body) = message.split_first_chunk()?;
    Some((kind, u32::from_be_bytes([0, a, b, c]) as usize, body))
}

/// Fills `hello` as far as the body goes.
fn read(body: &[u8], hello: &mut Hello) -> Option<()> {
    const SERVER_NAME: u16 = 0;
    const ALPN: u16 = 16;
    // Version and random, then session id, cipher suites, compression methods.
    let mut rest = body.get(34..)?;
    vector8(&mut rest)?;
    vector16(&mut rest)?;
    vector8(&mut rest)?;
    let (_, mut extensions) = rest.split_first_chunk::<2>()?;
    while let Some((&kind, mut rest)) = extensions.split_first_chunk() {
        let mut data = vector16(&mut rest)?;
        extensions = rest;
        match u16::from_be_bytes(kind) {
            SERVER_NAME => {
                let mut list = vector16(&mut data)?;
                if let Some((0, rest)) = list.split_first() {
                    list = rest;
                    let name = vector16(&mut list)?;
                    hello.sni = Some(String::from_utf8_lossy(name).into());
                }
            }
            ALPN => {
                let mut list = vector16(&mut data)?;
                while let (Some(name), true) =
                    (vector8(&mut list), hello.alpn.len() < MOST_PROTOCOLS)
                {
                    hello.alpn.push(String::from_utf8_lossy(name).into());
                }
            }
            _ => {}
        }
    }
    Some(())
}

/// A vector with one byte of length (RFC 8446 §3.4).
fn vector8<'a>(bytes: &mut &'a [u8]) -> Option<&'a [u8]> {
    let (&len, rest) = bytes.split_first()?;
    take(bytes, rest, usize::from(len))
}

/// A vector with two bytes of length.
fn vector16<'a>(bytes: &mut &'a [u8]) -> Option<&'a [u8]> {
    let (&len, rest) = bytes.split_first_chunk()?;
    take(bytes, rest, usize::from(u16::from_be_bytes(len)))
}

fn take<'a>(bytes: &mut &'a [u8], rest: &'a [u8], len: usize) -> Option<&'a [u8]> {
    let (vector, rest) = rest.split_at_checked(len)?;
    *bytes = rest;
    Some(vector)
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// A hello in records of at most `size` bytes.
    pub(in crate::dissect) fn client_hello(sni: &str, alpn: &[&str], size: usize) -> Vec<u8> {
        let v16 =
            |bytes: &[u8]| [&u16::try_from(bytes.len()).unwrap().to_be_bytes(), bytes].concat();
        let name = v16(&[&[0][..], &v16(sni.as_bytes())].concat());
        let list: Vec<u8> = alpn
            .iter()
            .flat_map(|p| [&[u8::try_from(p.len()).unwrap()], p.as_bytes()].concat())
            .collect();
        let extensions = [
            &[0, 10][..],
            &v16(&[0, 2, 0, 29]),
            &[0, 0],
            &v16(&name),
            &[0, 16],
            &v16(&v16(&list)),
        ]
        .concat();
        let body = [
            &[3, 3][..],
            &[7; 32],
            &[0],
            &v16(&[0x13, 1]),
            &[1, 0],
            &v16(&extensions),
        ]
        .concat();
        let message = [
            &[1, 0][..],
            &u16::try_from(body.len()).unwrap().to_be_bytes(),
            &body,
        ]
        .concat();
        message
            .chunks(size)
            .flat_map(|part| [&[22, 3, 1][..], &v16(part)].concat())
            .collect()
    }

    #[test]
    fn a_hello_in_one_record_and_in_many() {
        let expected = Hello {
            sni: Some("example.com".into()),
            alpn: vec!["h2".into(), "http/1.1".into()],
        };
        for size in [10_000, 50, 1] {
            let wire = client_hello("example.com", &["h2", "http/1.1"], size);
            assert_eq!(parse(&wire, false), Some(expected.clone()));
            for cut in 0..wire.len() {
                assert_eq!(parse(&wire[..cut], false), None);
                assert!(parse(&wire[..cut], true).is_some());
            }
        }
        let wire = client_hello("example.com", &["h2", "http/1.1"], 10_000);
        let cut = parse(&wire[..wire.len() - 4], true).unwrap();
        assert_eq!(
            cut.sni.as_deref(),
            Some("example.com"),
            "what is there is read"
        );
    }

    #[test]
    fn what_is_no_client_hello_tells_nothing() {
        assert_eq!(
            parse(b"\x16\x03\x03\0\x04\x02\0\0\x46", false),
            Some(Hello::default())
        );
        assert_eq!(
            parse(b"\x17\x03\x03\0\x04\x02\0\0\x46", false),
            Some(Hello::default())
        );
    }
}
