//! Streams in which some messages are compressed and others are not.

use super::payload::{check_compressed, check_end, check_reply, download, upload};
use crate::{
    env::{Env, WithMetadata},
    failure::{Outcome, check_code, check_eq, fail},
    pb::{BoolValue, StreamingInputCallRequest},
};
use farcall::{Code, Encoding};

/// First a probe that must fail: does the server look at all?
pub(super) async fn client_compressed_streaming(env: &Env) -> Outcome {
    let (mut sender, response) = env
        .client()
        .streaming_input_call()
        .metadata_of(env)
        .compress(Encoding::Gzip)
        .split();
    sender.compress(false);
    // The server may have ended the call before the request is complete: only the status counts.
    let _ = sender.send(expecting(27_182, true)).await;
    sender.half_close();
    let Err(status) = response.await else {
        fail!("the server accepted an uncompressed message that said it was compressed");
    };
    check_code(&status, Code::InvalidArgument)?;
    client_compressed_streaming_noprobe(env).await
}

pub(super) async fn client_compressed_streaming_noprobe(env: &Env) -> Outcome {
    let (mut sender, response) = env
        .client()
        .streaming_input_call()
        .metadata_of(env)
        .compress(Encoding::Gzip)
        .split();
    for (len, compressed) in [(27_182, true), (45_904, false)] {
        sender.compress(compressed);
        sender.send(expecting(len, compressed)).await?;
    }
    sender.half_close();
    check_eq!(
        response.await?.aggregated_payload_size,
        73_086,
        "the aggregated size"
    );
    Ok(())
}

pub(super) async fn server_compressed_streaming(env: &Env) -> Outcome {
    const RESPONSES: [(usize, bool); 2] = [(31_415, true), (92_653, false)];
    let mut request = download(0, &RESPONSES.map(|(len, _)| len));
    for (wanted, (_, compressed)) in request.response_parameters.iter_mut().zip(RESPONSES) {
        wanted.compressed = Some(BoolValue { value: compressed });
    }
    let mut replies = env
        .client()
        .streaming_output_call(env.request(request))
        .await?;
    for (len, compressed) in RESPONSES {
        check_reply(replies.message().await?, len)?;
        check_compressed(env, replies.last_was_compressed(), compressed)?;
    }
    check_end(replies.message().await?)
}

fn expecting(len: usize, compressed: bool) -> StreamingInputCallRequest {
    StreamingInputCallRequest {
        expect_compressed: Some(BoolValue { value: compressed }),
        ..upload(len)
    }
}
