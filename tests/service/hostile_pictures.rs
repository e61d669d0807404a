//! Pictures made to hurt, or only strange: each has its own answer in every form in which it can be sent, the
//! server stays well, and the memory it takes stays below what its limits allow.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};
use image::imageops::FilterType;
use image::{DynamicImage, GrayImage, ImageFormat};
use reqwest::Method;
use reqwest::blocking::multipart::{Form, Part};
use serde_json::{Value, json};

use crate::documents::{ID, INVOICE};
use crate::forged::{
    animated_gif, animated_png, animated_webp, bitmap_header, chunks, encoded, exif, fine_jpeg, flat_jpeg,
    gif, held, orientation, palette_png, png, png_header, segment, tiff, webp, webp_header, with_black_ink,
    with_chunks, with_segments, zlib,
};
use crate::hostile::check_unharmed;
use crate::pictures::{BIDEN, OBAMA, claiming, decoded, jpeg, photo, shrunk};
use crate::server::{Answer, Caller, ENROL, House, RECOGNISE, Server, send};

/// What is to become of a picture.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Fate {
    /// The person in it is recognised.
    Known,
    /// It is read, and nobody is in it.
    Empty,
    /// It is refused with this status and code.
    Refused(u16, &'static str),
}
use Fate::{Empty, Known, Refused};

const BROKEN: Fate = Refused(422, "broken_image");
const NO_PICTURE: Fate = Refused(415, "unsupported_image");
const TOO_LARGE: Fate = Refused(413, "image_too_large");

type Case = (&'static str, Fate, Vec<u8>);

/// The same picture as JSON, as a form and as it is.
fn in_every_form(caller: &Caller<'_>, path: &str, fields: &[(&str, &str)], picture: &[u8]) -> [Answer; 3] {
    let enrols = path == ENROL;
    let text = STANDARD.encode(picture);
    let mut body = if enrols { json!({"images": [text]}) } else { json!({"image": text}) };
    let mut form = Form::new().part("image", Part::bytes(picture.to_vec()));
    for (name, value) in fields {
        form = form.text((*name).to_owned(), (*value).to_owned());
        match name.split_once('.') {
            Some((object, key)) => body[object][key] = json!(value),
            None => body[*name] = json!(value),
        }
    }
    let query: Vec<String> = fields.iter().map(|(name, value)| format!("{name}={value}")).collect();
    [
        caller.post_json(path, &body),
        send(caller.request(Method::POST, path).multipart(form)),
        caller.post(&format!("{path}?{}", query.join("&")), "image/png", picture.to_vec()),
    ]
}

/// Sends every picture to both routes in all forms.
fn check(server: &Server<'_>, cases: &[Case]) {
    let (camera, manager) = (server.camera(), server.manager());
    let consent = [
        ("employee_id", "EMP001"),
        ("consent.given_at", "2025-01-17T08:30:00Z"),
        ("consent.policy_version", "1"),
    ];
    for (name, fate, picture) in cases {
        for (form, seen) in
            ["json", "form", "raw"].iter().zip(in_every_form(&camera, RECOGNISE, &[], picture))
        {
            let said = format!("{name} ({form}) is {fate:?}, not {} {}", seen.status, seen.text());
            let code = serde_json::from_slice::<Value>(&seen.body).unwrap_or_default();
            let as_expected = match fate {
                Known => seen.status == 200 && code["employee_id"] == "EMP001",
                Empty => seen.status == 200 && code["reason"] == "no_face",
                Refused(status, refused) => seen.status == *status && code["code"] == *refused,
            };
            assert!(as_expected, "{said}");
        }
        if let Refused(status, code) = fate {
            // Documents are opened by the same limits; a PDF file is one, if a broken one.
            let (status, code) =
                if picture.starts_with(b"%PDF-") { (&400, &"broken_document") } else { (status, code) };
            for path in [INVOICE, ID] {
                for answer in in_every_form(&manager, path, &[], picture) {
                    assert_eq!(answer.status, *status, "{name} on {path}: {}", answer.text());
                    answer.problem(*status, code);
                }
            }
        }
        for (form, answer) in
            ["json", "form", "raw"].iter().zip(in_every_form(&manager, ENROL, &consent, picture))
        {
            let said = format!("{name} enrolled ({form}) is {fate:?}: {} {}", answer.status, answer.text());
            match fate {
                // The second and the third time it is a template already.
                Known => assert_eq!(answer.status, 201, "{said}"),
                Empty => drop(answer.problem(422, "no_face")),
                Refused(status, code) => {
                    assert_eq!(answer.status, *status, "{said}");
                    answer.problem(*status, code);
                }
            }
        }
    }
    check_unharmed(server);
}

/// A house with somebody enrolled, where nobody is slowed down.
fn house() -> House {
    House::new("default").with("rate_limits.enabled", false).with("inference.workers", 2)
}

/// The person, small enough that many of them are quick.
fn face() -> DynamicImage {
    decoded(OBAMA[1]).resize(420, 420, FilterType::Triangle)
}

fn serve(house: &House) -> Server<'_> {
    let server = house.serve();
    server.manager().enrol("EMP001", &[&photo(OBAMA[0])]).json(201);
    server
}

#[test]
fn a_picture_that_is_cut_off_empty_or_something_else_is_named() {
    let house = house();
    let server = serve(&house);
    let face = face();
    let whole: Vec<(&str, Vec<u8>)> = [
        ("jpeg", ImageFormat::Jpeg),
        ("png", ImageFormat::Png),
        ("webp", ImageFormat::WebP),
        ("bmp", ImageFormat::Bmp),
        ("gif", ImageFormat::Gif),
    ]
    .into_iter()
    .map(|(name, format)| {
        let picture = if format == ImageFormat::Jpeg { face.to_rgb8().into() } else { face.clone() };
        (name, encoded(&picture, format))
    })
    .collect();
    let mut cases: Vec<Case> = Vec::new();
    for (name, bytes) in whole {
        cases.push((name, Known, bytes.clone()));
        cases.push((name, BROKEN, bytes[..bytes.len() / 2].to_vec()));
        cases.push((name, BROKEN, bytes[..bytes.len() / 50].to_vec()));
        cases.push((name, BROKEN, bytes[..20].to_vec()));
    }
    let plain = jpeg(&face);
    cases.extend([
        ("no bytes", NO_PICTURE, vec![]),
        ("one byte", NO_PICTURE, vec![0xFF]),
        ("zeros", NO_PICTURE, vec![0; 10_000]),
        ("a text", NO_PICTURE, b"a poem about faces".to_vec()),
        ("a page", NO_PICTURE, b"<html><img src=x onerror=alert(1)></html>".to_vec()),
        ("a drawing", NO_PICTURE, b"<svg xmlns='http://www.w3.org/2000/svg'/>".to_vec()),
        (
            "entities",
            NO_PICTURE,
            b"<!DOCTYPE x [<!ENTITY a SYSTEM 'file:///etc/passwd'>]><svg>&a;</svg>".to_vec(),
        ),
        ("a document with a picture in it", NO_PICTURE, [b"%PDF-1.7\n", &plain[..]].concat()),
        ("an archive", NO_PICTURE, b"PK\x03\x04\x14\0\0\0\0\0".to_vec()),
        ("a film", NO_PICTURE, b"RIFF\x24\0\0\0AVI LIST".to_vec()),
        ("TIFF", NO_PICTURE, tiff(&[(0x100, 3, 1, 8)], 0)),
        ("an icon", NO_PICTURE, b"\0\0\x01\0\x01\0\x10\x10\0\0\x01\0\x20\0\x68\x04\0\0\x16\0\0\0".to_vec()),
        ("HEIC", NO_PICTURE, b"\0\0\0\x18ftypheic\0\0\0\0mif1heic".to_vec()),
        (
            "a page with the beginning of a JPEG",
            BROKEN,
            b"\xFF\xD8\xFF\xE0<html><script>alert(1)</script>".to_vec(),
        ),
        ("a script with the beginning of a GIF", BROKEN, b"GIF89a/*\0\0\0\0*/=1;alert(1)".to_vec()),
    ]);
    check(&server, &cases);
}

#[test]
fn a_picture_that_is_something_else_too_is_a_picture() {
    let house = house();
    let server = serve(&house);
    let face = face();
    let plain = jpeg(&face);
    let archive = b"PK\x03\x04\x14\0\0\0\0\0evil.sh#!/bin/sh\nPK\x05\x06\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0";
    let still = encoded(&face, ImageFormat::Png);
    let script = b"<script>alert(document.cookie)</script>";
    let cases: [Case; 8] = [
        ("JPEG and archive", Known, [&plain[..], archive].concat()),
        ("JPEG and JPEG", Known, [&plain[..], &photo(BIDEN)].concat()),
        ("JPEG with a script", Known, with_segments(&plain, &[segment(0xFE, script)])),
        ("JPEG with many comments", Known, with_segments(&plain, &vec![segment(0xFE, script); 2000])),
        ("PNG and archive", Known, [&still[..], archive].concat()),
        ("PNG with a script", Known, with_chunks(&still, &[(*b"tEXt", b"Comment\0<script>".to_vec())])),
        ("GIF and script", Known, [&encoded(&face, ImageFormat::Gif)[..], b"/*...*/=1;alert(1)"].concat()),
        ("WebP and a page", Known, [&encoded(&face, ImageFormat::WebP)[..], script].concat()),
    ];
    check(&server, &cases);
}

#[test]
fn a_header_of_fifty_thousand_pixels_is_refused_in_every_format() {
    let house = house();
    let server = serve(&house);
    let before = server.peak_memory();
    let claimed = |width, height| {
        let still = encoded(&DynamicImage::new_rgb8(8, 8), ImageFormat::Png);
        let mut all = chunks(&still);
        all[0].1 = png_header(width, height, 8, 2);
        png(&all)
    };
    let canvas = |width, height| animated_webp(&DynamicImage::new_rgb8(8, 8), Some((width, height)));
    let cases: [Case; 9] = [
        ("JPEG", TOO_LARGE, claiming(50_000, 50_000)),
        ("JPEG of one long row", TOO_LARGE, claiming(50_000, 8)),
        ("PNG", TOO_LARGE, claimed(50_000, 50_000)),
        ("PNG of the largest size", TOO_LARGE, claimed(0x7FFF_FFFF, 0x7FFF_FFFF)),
        ("PNG of one long row", TOO_LARGE, claimed(50_000, 1)),
        ("WebP", TOO_LARGE, canvas(50_000, 50_000)),
        ("BMP", TOO_LARGE, bitmap_header(50_000, 50_000)),
        ("BMP upside down", TOO_LARGE, bitmap_header(50_000, -50_000)),
        ("GIF", TOO_LARGE, gif(50_000, 50_000)),
    ];
    check(&server, &cases);
    let broken: [Case; 5] = [
        ("PNG without pixels", BROKEN, claimed(0, 0)),
        ("BMP without pixels", BROKEN, bitmap_header(0, 0)),
        ("BMP of the smallest height", BROKEN, bitmap_header(8, i32::MIN)),
        ("WebP that ends after its header", BROKEN, webp(&[webp_header(0x02, 50_000, 50_000)])),
        ("JPEG without components", BROKEN, flat_jpeg(0xC0, 8, 64, 0, 1)),
    ];
    check(&server, &broken);
    // Nothing was allocated for what was only claimed: one of them would have been gigabytes.
    let grown = server.peak_memory().saturating_sub(before);
    assert!(grown < 512 << 20, "{} MiB more", grown >> 20);
}

#[test]
fn a_picture_that_unpacks_to_much_more_stays_within_the_memory_of_its_limits() {
    let pixels: u64 = 4_000_000;
    let house = house().with("images.max_pixels", pixels);
    let server = serve(&house);
    for _ in 0..4 {
        server.camera().recognise(&encoded(&DynamicImage::new_rgb8(2000, 2000), ImageFormat::Png)).json(200);
    }
    let before = server.peak_memory();
    let small = encoded(&DynamicImage::new_rgb8(64, 64), ImageFormat::Png);
    // Sixty-four megabytes of zeros in a few hundred kilobytes.
    let packed = chunks(&encoded(&DynamicImage::ImageLuma8(GrayImage::new(8192, 8192)), ImageFormat::Png))
        .into_iter()
        .filter(|(name, _)| name == b"IDAT")
        .flat_map(|(_, data)| data)
        .collect::<Vec<u8>>();
    let profile = [b"x\0\0", &packed[..]].concat();
    let mut overfull = chunks(&small);
    overfull.retain(|(name, _)| name != b"IDAT");
    overfull.insert(1, (*b"IDAT", packed.clone()));
    let cases: [Case; 7] = [
        ("one pixel too many", TOO_LARGE, encoded(&DynamicImage::new_luma8(4000, 1001), ImageFormat::Png)),
        ("as much as is allowed", Empty, encoded(&DynamicImage::new_rgba16(2000, 2000), ImageFormat::Png)),
        ("more pixels than announced", Empty, png(&overfull)),
        ("a colour profile that unpacks", Empty, with_chunks(&small, &[(*b"iCCP", profile)])),
        ("a text that unpacks", Empty, with_chunks(&small, &[(*b"zTXt", [b"x\0\0", &packed[..]].concat())])),
        ("many scans", Empty, flat_jpeg(0xC2, 8, 1600, 1, 60)),
        ("a large flat JPEG", Empty, flat_jpeg(0xC0, 8, 2000, 3, 1)),
    ];
    check(&server, &cases);
    // What the library may take for a picture (8 bytes a pixel and 64 MiB), the RGB copy of it and its
    // turned copy, for each worker; and as much again for what the system keeps.
    let allowed = 2 * 2 * (pixels * (8 + 3 + 3) + (64 << 20));
    let grown = server.peak_memory().saturating_sub(before);
    assert!(grown < allowed, "{} MiB more, {} MiB are allowed", grown >> 20, allowed >> 20);
}

#[test]
fn rare_kinds_of_pictures_are_read_or_refused_but_never_misread() {
    let house = house();
    let server = serve(&house);
    let face = face();
    let still = encoded(&face, ImageFormat::Png);
    // Ink is what light is not.
    let mut negative = face.clone();
    negative.invert();
    let as_png = |picture: DynamicImage| encoded(&picture, ImageFormat::Png);
    let cases: Vec<Case> = vec![
        ("16-bit PNG", Known, as_png(face.to_rgb16().into())),
        ("16-bit PNG with transparency", Known, as_png(face.to_rgba16().into())),
        ("16-bit grey PNG", Known, as_png(face.to_luma16().into())),
        ("grey PNG with transparency", Known, as_png(face.to_luma_alpha8().into())),
        ("PNG with a palette and transparency", Known, palette_png(&face)),
        ("grey JPEG", Known, encoded(&face.to_luma8().into(), ImageFormat::Jpeg)),
        ("JPEG with black ink", Known, with_black_ink(&fine_jpeg(&negative))),
        ("JPEG of four inks", Empty, flat_jpeg(0xC0, 8, 64, 4, 1)),
        ("progressive JPEG", Empty, flat_jpeg(0xC2, 8, 64, 3, 1)),
        ("JPEG of twelve bits", BROKEN, flat_jpeg(0xC1, 12, 64, 3, 1)),
        ("arithmetic JPEG", BROKEN, flat_jpeg(0xC9, 8, 64, 3, 1)),
        ("lossless JPEG", BROKEN, flat_jpeg(0xC3, 8, 64, 3, 1)),
        ("JPEG of two components", Empty, flat_jpeg(0xC0, 8, 64, 2, 1)),
        ("animated GIF", Known, animated_gif(&face)),
        ("animated PNG", Known, animated_png(&still)),
        ("animated WebP", Known, animated_webp(&face, None)),
        ("WebP whose frame is larger than its canvas", BROKEN, animated_webp(&face, Some((8, 8)))),
        ("PNG without a palette", BROKEN, {
            let rows = zlib(&[0; 72]);
            png(&[(*b"IHDR", png_header(8, 8, 8, 3)), (*b"IDAT", rows), (*b"IEND", vec![])])
        }),
        ("PNG of impossible depth", BROKEN, png(&[(*b"IHDR", png_header(8, 8, 7, 2)), (*b"IEND", vec![])])),
        (
            "PNG with a broken colour profile",
            Known,
            with_chunks(&still, &[(*b"iCCP", b"x\0\0junk".to_vec())]),
        ),
        ("JPEG with half a colour profile", Known, {
            with_segments(&jpeg(&face), &[segment(0xE2, b"ICC_PROFILE\0\x01\x02junk")])
        }),
        ("JPEG with parts of a profile that contradict each other", Known, {
            let part = |n: u8| segment(0xE2, &[b"ICC_PROFILE\0", &[n, 1][..], &[0xAA; 60_000]].concat());
            with_segments(&jpeg(&face), &[part(0), part(255), part(1), part(1)])
        }),
    ];
    check(&server, &cases);
}

#[test]
fn however_the_camera_was_held_the_same_person_is_seen() {
    let house = house();
    let server = serve(&house);
    let camera = server.camera();
    let face = face();
    let upright = camera.recognise(&fine_jpeg(&face)).json(200);
    assert_eq!(upright["employee_id"], "EMP001", "{upright}");
    for how in 1..=8 {
        let seen = camera.recognise(&held(&face, how)).json(200);
        assert_eq!(seen["employee_id"], "EMP001", "orientation {how}: {seen}");
        let off = seen["score"].as_f64().expect("a score") - upright["score"].as_f64().expect("a score");
        assert!(off.abs() < 0.02, "orientation {how}: {off}");
        for side in ["x", "y", "w", "h"] {
            let at = |answer: &Value| answer["faces"][0]["box"][side].as_f64().expect("a box");
            assert!((at(&seen) - at(&upright)).abs() < 8.0, "orientation {how}, {side}: {seen}");
        }
    }
}

#[test]
fn metadata_that_lies_changes_nothing() {
    let house = house();
    let server = serve(&house);
    let plain = jpeg(&face());
    let with = |segments: &[Vec<u8>]| with_segments(&plain, segments);
    let turned = (0x0112, 3, 1, 1);
    let stranger = shrunk(BIDEN, 400);
    // The second directory of EXIF is the thumbnail: here another person, larger than the picture.
    let mut thumbnail = tiff(&[turned], 26);
    let length = u32::try_from(stranger.len()).expect("small");
    thumbnail.extend(&tiff(&[(0x0201, 4, 1, 56), (0x0202, 4, 1, length)], 0)[8..]);
    thumbnail.extend(&stranger);
    let cases: Vec<Case> = vec![
        ("orientation 0", Known, with(&[orientation(0)])),
        ("orientation 9", Known, with(&[orientation(9)])),
        ("orientation 65535", Known, with(&[orientation(65_535)])),
        ("orientation as a long number", Known, with(&[exif(&tiff(&[(0x0112, 4, 1, 1)], 0))])),
        ("a thousand orientations", Known, with(&[exif(&tiff(&[(0x0112, 3, 1000, 6_000_000)], 0))])),
        ("no EXIF at all in its segment", Known, with(&[exif(b"")])),
        ("half a header", Known, with(&[exif(b"II*")])),
        ("another byte order", Known, with(&[exif(b"XX*\0\x08\0\0\0")])),
        ("a directory beyond the end", Known, with(&[exif(b"II*\0\xFF\xFF\xFF\xFF")])),
        ("a directory that has no end", Known, with(&[exif(b"II*\0\x08\0\0\0\xFF\xFF\x12\x01")])),
        ("a directory that follows itself", Known, with(&[exif(&tiff(&[turned], 8))])),
        (
            "directories that point at each other",
            Known,
            with(&[exif(&tiff(&[(0x8769, 4, 1, 8), turned], 8))]),
        ),
        (
            "as much EXIF as fits",
            Known,
            with(&[exif(&[&tiff(&[turned], 0)[..], &vec![0xFF; 65_000]].concat())]),
        ),
        ("a hundred times as much", Known, with(&vec![exif(&vec![0x49; 65_000]); 100])),
        ("a thumbnail of somebody else", Known, with(&[exif(&thumbnail)])),
    ];
    check(&server, &cases);
}

#[test]
fn the_bytes_decide_what_a_picture_is_and_the_content_type_how_it_is_sent() {
    let house = house();
    let server = serve(&house);
    let camera = server.camera();
    let plain = jpeg(&face());
    let seen = |answer: Answer, how: &str| {
        let answer = answer.json(200);
        assert_eq!(answer["employee_id"], "EMP001", "{how}: {answer}");
    };
    for kind in [
        "image/png",
        "image/jpeg; charset=utf-8",
        "IMAGE/JPEG",
        "image/svg+xml",
        "image/",
        "application/octet-stream",
    ] {
        seen(camera.post(RECOGNISE, kind, plain.clone()), kind);
    }
    camera.post(RECOGNISE, "image/svg+xml", "<svg/>").problem(415, "unsupported_image");
    camera.post(RECOGNISE, "image/jpeg", STANDARD.encode(&plain)).problem(415, "unsupported_image");
    for kind in ["text/plain", "", "image", "text/html, image/jpeg", "application/json-patch+json"] {
        camera.post(RECOGNISE, kind, plain.clone()).problem(415, "unsupported_media_type");
    }
    camera.post(RECOGNISE, "application/json", plain.clone()).problem(400, "bad_request");
    let twice = camera.request(Method::POST, RECOGNISE).header("content-type", "image/jpeg");
    let twice = send(twice.header("content-type", "application/json").body(plain.clone()));
    assert!(twice.status == 200 || twice.status < 500, "{}", twice.text());
    // A compressed body is not unpacked.
    let packed = camera.request(Method::POST, RECOGNISE).header("content-type", "image/jpeg");
    let packed = packed.header("content-encoding", "gzip").body(b"\x1F\x8B\x08\0\0\0\0\0".to_vec());
    send(packed).problem(415, "unsupported_image");
    check_unharmed(&server);
}

#[test]
fn forms_that_play_with_their_boundaries_are_read_or_refused() {
    let house = house();
    let server = serve(&house);
    let camera = server.camera();
    let plain = jpeg(&face());
    let part = |head: &str, body: &[u8]| [b"--x\r\n", head.as_bytes(), b"\r\n\r\n", body, b"\r\n"].concat();
    let end = b"--x--\r\n";
    let named = |more: &str| format!("Content-Disposition: form-data; name=\"image\"{more}");
    let ask = |boundary: &str, body: &[&[u8]]| {
        camera.post(RECOGNISE, &format!("multipart/form-data; boundary={boundary}"), body.concat())
    };
    let read: [(&str, &str, Vec<u8>); 5] = [
        ("quoted boundary", "\"x\"", part(&named(""), &plain)),
        ("a path as a name", "x", part(&named("; filename=\"../../etc/passwd\""), &plain)),
        ("a type of its own", "x", part(&format!("{}\r\nContent-Type: text/html", named("")), &plain)),
        ("text before the first part", "x", [b"hello\r\n", &part(&named(""), &plain)[..]].concat()),
        ("a very long file name", "x", part(&named(&format!("; filename=\"{}\"", "x".repeat(2000))), &plain)),
    ];
    for (how, boundary, body) in read {
        let answer = ask(boundary, &[&body, end]);
        assert!([200, 400].contains(&answer.status), "{how}: {}", answer.text());
        if answer.status == 200 {
            assert_eq!(answer.json(200)["employee_id"], "EMP001", "{how}");
        }
    }
    let mut nameless = part("Content-Disposition: form-data", &plain);
    nameless.extend(end);
    let many =
        [part("Content-Disposition: form-data; name=\"a\"", b"1").repeat(100_000), end.to_vec()].concat();
    let nested =
        [part("Content-Type: multipart/mixed; boundary=y", b"--y\r\n\r\n--y--"), end.to_vec()].concat();
    for (how, boundary, body) in [
        ("no last boundary", "x", part(&named(""), &plain)),
        ("another boundary", "y", [part(&named(""), &plain), end.to_vec()].concat()),
        ("no boundary", "", [part(&named(""), &plain), end.to_vec()].concat()),
        ("a boundary of a thousand letters", &*"x".repeat(1000), part(&named(""), &plain)),
        ("a part without a name", "x", nameless),
        ("a hundred thousand parts", "x", many),
        ("a form in a form", "x", nested),
        ("a header without an end", "x", [b"--x\r\n", &vec![b'a'; 200_000][..]].concat()),
        ("a zero byte in a header", "x", part("Content-Disposition: form-data; name=\"a\0b\"", b"1")),
        ("nothing", "x", vec![]),
        ("only the end", "x", end.to_vec()),
    ] {
        let answer = ask(boundary, &[&body]);
        assert_eq!(answer.status, 400, "{how}: {}", answer.text());
        assert!(answer.body.len() < 1000, "{how}: the answer repeats the request");
        answer.problem(400, "bad_request");
    }
    // What was encoded once more is not decoded: there is no such thing in a form of today.
    let encoded = part(
        &format!("{}\r\nContent-Transfer-Encoding: base64", named("")),
        STANDARD.encode(&plain).as_bytes(),
    );
    ask("x", &[&encoded, end]).problem(415, "unsupported_image");
    check_unharmed(&server);
}

#[test]
fn base64_in_the_shapes_that_clients_get_wrong_is_read_or_named() {
    let house = house();
    let server = serve(&house);
    let camera = server.camera();
    // Padding, and both letters that the other alphabet writes differently.
    let mut plain = jpeg(&face());
    while plain.len() % 3 != 1 {
        plain.push(0xFF);
    }
    let text = STANDARD.encode(&plain);
    let lines = text.as_bytes().chunks(76).map(|line| std::str::from_utf8(line).expect("letters"));
    let lines = lines.collect::<Vec<_>>().join("\r\n");
    for good in [
        text.clone(),
        text.trim_end_matches('=').to_owned(),
        text.replace("==", "="),
        lines,
        format!(" \t{text}\n"),
        format!("data:image/jpeg;base64,{text}"),
        format!("data:;base64,{text}"),
        format!("data:text/html;charset=utf-16;base64,{text}"),
        format!("data:{};base64,{text}", "x".repeat(10_000)),
    ] {
        let start: String = good.chars().take(40).collect();
        let seen = camera.post_json(RECOGNISE, &json!({ "image": good })).json(200);
        assert_eq!(seen["employee_id"], "EMP001", "{start}");
    }
    assert!(text.contains(['+', '/']), "the alphabets do not differ here");
    for bad in [
        URL_SAFE.encode(&plain),
        text.replace("==", "==="),
        format!("{}=={}", &text[..400], &text[400..]),
        format!("{text}{text}"),
        text.replacen(&text[40..41], "\u{200B}", 1),
        "====".to_owned(),
        "=".to_owned(),
        "A".to_owned(),
        format!("data:image/jpeg,{text}"),
        format!("data:image/jpeg;base64;{text}"),
        format!("data:image/jpeg;base64,data:image/jpeg;base64,{text}"),
        "data:".to_owned(),
        "file:///etc/passwd".to_owned(),
        "http://127.0.0.1:1/face.jpg".to_owned(),
        "%2F9j%2F4AAQ".to_owned(),
    ] {
        let start: String = bad.chars().take(40).collect();
        let answer = camera.post_json(RECOGNISE, &json!({ "image": bad }));
        assert_eq!(answer.status, 400, "{start}: {}", answer.text());
        answer.problem(400, "invalid_base64");
    }
    camera
        .post_json(RECOGNISE, &json!({"image": "data:image/jpeg;base64,"}))
        .problem(415, "unsupported_image");
    check_unharmed(&server);
}
