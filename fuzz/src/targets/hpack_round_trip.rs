//! What the HPACK encoder writes is what its own and a naive decoder read.

use crate::input::Input;
use bytes::Bytes;
use farcall_http2::{
    Field, KnownName, Name, Part,
    hpack::{DecodeLimits, Decoder, Encoder},
};
use farcall_simulation::naive;
use std::sync::Arc;

pub(super) fn run(bytes: &[u8]) {
    let mut input = Input::new(bytes);
    let mut encoder = Encoder::new(input.pick(&[4096, 0, 100, 65_536]));
    let mut decoder = Decoder::new(4096);
    let mut naive = naive::hpack::Decoder::new(4096);
    let mut shared: Vec<Arc<Vec<Field>>> = Vec::new();
    while !input.is_empty() {
        match input.u8() {
            0 => {
                let size = usize::from(input.u16());
                encoder.set_peer_max_table_size(size);
                decoder.set_max_table_size(size);
                naive.acknowledged(size);
            }
            1 if shared.len() < 8 => shared.push(Arc::new(list(&mut input))),
            1 => shared.clear(),
            choice => {
                let piece = shared.get(usize::from(choice) % 9).cloned();
                let own = list(&mut input);
                let mut parts = vec![Part::Fields(&own)];
                match (&piece, choice & 0x40) {
                    (Some(piece), 0) => parts.push(Part::Shared(piece)),
                    (Some(piece), _) => parts.insert(0, Part::Shared(piece)),
                    (None, _) => {}
                }
                block(&mut encoder, &mut decoder, &mut naive, &parts);
            }
        }
    }
}

fn block(
    encoder: &mut Encoder,
    decoder: &mut Decoder,
    naive: &mut naive::hpack::Decoder,
    parts: &[Part<'_>],
) {
    let mut wire = Vec::new();
    encoder.encode(parts, &mut wire);
    let sent: Vec<Field> = parts
        .iter()
        .flat_map(|part| match part {
            Part::Fields(fields) => fields.to_vec(),
            Part::Shared(list) => list.to_vec(),
            Part::Timeout(value) => vec![Field::new(KnownName::GrpcTimeout, value.to_vec())],
        })
        .collect();
    let limits = DecodeLimits {
        max_list_size: usize::MAX,
        max_count: usize::MAX,
        max_string: usize::MAX,
    };
    let mut got = Vec::new();
    let sink = |name, value, sensitive| {
        got.push(Field {
            name,
            value,
            sensitive,
        })
    };
    decoder
        .decode(&wire, limits, sink)
        .expect("our own encoder");
    assert_eq!(got, sent);
    let lines = naive.decode(&wire).expect("our own encoder");
    let expected = sent.iter().map(|field| {
        (
            field.name.as_bytes().to_vec(),
            field.value.to_vec(),
            field.sensitive,
        )
    });
    assert!(expected.eq(lines));
}

fn list(input: &mut Input<'_>) -> Vec<Field> {
    let len = input.u8() % 12;
    (0..len).map(|_| field(input)).collect()
}

fn field(input: &mut Input<'_>) -> Field {
    let kind = input.u8();
    let name = match kind & 0x3f {
        0 => Name::from_bytes(Bytes::copy_from_slice(input.short())),
        known => Name::Known(KnownName::ALL[usize::from(known) % KnownName::ALL.len()]),
    };
    let value = match kind >> 6 {
        0 => Bytes::from_static(b"/pkg.Service/Method"),
        1 => Bytes::from(vec![b'a'; usize::from(input.u16()) % 5000]),
        _ => Bytes::copy_from_slice(input.short()),
    };
    let field = Field::new(name, value);
    if input.u8() == 0xff {
        field.sensitive()
    } else {
        field
    }
}
