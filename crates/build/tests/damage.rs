//! Damaged descriptor sets. Alone in this program, because it silences panics.

use farcall_build::Config;

#[test]
fn damaged_descriptor_sets_never_panic() {
    // Panics inside of the message generator are caught, but would still be printed.
    std::panic::set_hook(Box::new(|_| {}));
    let sets = [
        include_bytes!("../../../tests/codegen/proto/editions.binpb").to_vec(),
        {
            let includes = "../../tests/codegen/proto";
            let protos = [
                "collisions.proto",
                "two.proto",
                "shapes.proto",
                "comments.proto",
            ];
            let config = Config::new()
                .include(includes)
                .protos(protos.map(|name| format!("{includes}/{name}")));
            config.generate().unwrap().descriptor_set
        },
    ];
    let mut state = 1_u64;
    let mut random = move |end: usize| {
        state = state
            .wrapping_mul(6364136223846793005)
            .wrapping_add(1442695040888963407);
        (state >> 33) as usize % end
    };
    let (mut good, mut bad) = (0, 0);
    for round in 0..4000 {
        let mut set = sets[round % 2].clone();
        for _ in 0..=random(3) {
            let at = random(set.len());
            match random(3) {
                0 => set[at] = random(256) as u8,
                1 => set[at] ^= 1 << random(8),
                _ => set.truncate(at.max(1)),
            }
        }
        match Config::new().descriptor_set(set).generate() {
            Ok(_) => good += 1,
            Err(_) => bad += 1,
        }
    }
    let _ = std::panic::take_hook();
    assert!(good > 10 && bad > 10, "{good} good, {bad} bad");
}
