//! Limits of size and number, and archives that are larger than they look.

use super::*;

#[test]
fn limits_on_one_file_on_their_number_and_on_the_sum() {
    let room = Room::new();
    let big = vec![b' '; MAX_FILE as usize];
    room.file("ada/ex01-four-calls/src/big.rs", &[&big[..], b" "].concat());
    room.file("ada/ex01-four-calls/src/lib.rs", &big);
    for i in 0..9 {
        room.file(&format!("ada/ex02-echo/src/m{i}.rs"), &big);
    }
    let ada = room.ada();
    assert_eq!(files(&ada.works["ex01"]), ["lib.rs"]);
    assert_eq!(ada.works["ex02"].files.len(), 7);
    assert_eq!(notes(&ada).iter().filter(|n| n.contains("at most 2 MiB")).count(), 2);
    assert!(notes(&ada)[0].contains("larger than 256 KiB"), "{:?}", ada.notes);

    let room = Room::new();
    for i in 0..260 {
        room.file(&format!("ada/ex01-four-calls/src/m{i:03}.rs"), b"");
    }
    let ada = room.ada();
    assert_eq!(ada.works["ex01"].files.len(), MAX_FILES);
    assert_eq!(ada.notes.len(), MAX_NOTES + 1);
    assert_eq!(notes(&ada)[MAX_NOTES], "… and 11 more");
}

#[test]
fn a_zip_bomb_costs_no_more_than_one_file() {
    let room = Room::new();
    let mut zip = ZipWriter::new(Cursor::default());
    let fast = SimpleFileOptions::default().compression_level(Some(1));
    zip.start_file("ex01-four-calls/src/lib.rs", fast).unwrap();
    let zeros = vec![0; 1 << 20];
    (0..200).for_each(|_| zip.write_all(&zeros).unwrap());
    zip.start_file("ex02-echo/src/lib.rs", SimpleFileOptions::default())
        .unwrap();
    zip.write_all(b"fine").unwrap();
    room.file("ada.zip", zip.finish().unwrap().get_ref());
    let begun = std::time::Instant::now();
    let ada = room.ada();
    assert!(begun.elapsed().as_secs() < 5);
    assert_eq!(ada.works.keys().collect::<Vec<_>>(), ["ex02"]);
    assert!(note(&ada).contains("larger than 256 KiB"));
}

#[test]
fn a_zip_entry_that_lies_about_its_size_is_read_up_to_the_limit_only() {
    let room = Room::new();
    room.zip(&[("ex01-four-calls/src/lib.rs", &vec![0; MAX_FILE as usize * 4])]);
    let path = room.class.path().join("ada.zip");
    let mut bytes = fs::read(&path).unwrap();
    let central = bytes.windows(4).position(|w| w == b"PK\x01\x02").unwrap();
    bytes[central + 24..central + 28].copy_from_slice(&10u32.to_le_bytes());
    bytes[22..26].copy_from_slice(&10u32.to_le_bytes());
    fs::write(&path, bytes).unwrap();
    let ada = room.ada();
    assert!(ada.works.is_empty() && !ada.notes.is_empty(), "{ada:?}");
}

#[test]
fn a_tar_bomb_is_stopped_while_it_unpacks() {
    let room = Room::new();
    let zeros = vec![0; 40 << 20];
    room.tar(|tar| {
        tar_entry(tar, LIB.as_bytes(), tar::EntryType::Regular, b"");
        tar_entry(tar, b"picture.png", tar::EntryType::Regular, &zeros);
        tar_entry(tar, b"ex02-echo/src/lib.rs", tar::EntryType::Regular, b"");
    });
    let ada = room.ada();
    assert!(
        ada.works.is_empty() && note(&ada).contains("more than 32 MiB"),
        "{:?}",
        ada.notes
    );
}

#[test]
fn many_entries_or_many_copies_are_one_note_and_no_work() {
    let room = Room::new();
    let names: Vec<String> = (0..=MAX_ENTRIES).map(|i| format!("x/{i}")).collect();
    let entries: Vec<(&str, &[u8])> = names.iter().map(|name| (name.as_str(), &b""[..])).collect();
    room.zip(&entries);
    assert!(note(&room.ada()).contains("more than 2000 entries"));
    fs::remove_file(room.class.path().join("ada.zip")).unwrap();
    room.tar(|tar| {
        names
            .iter()
            .for_each(|name| tar_entry(tar, name.as_bytes(), tar::EntryType::Regular, b""))
    });
    assert!(note(&room.ada()).contains("more than 2000 entries"));
    fs::remove_file(room.class.path().join("ada.tar.gz")).unwrap();

    let big = vec![b' '; MAX_FILE as usize];
    let names: Vec<String> = (0..140)
        .map(|i| format!("copy{i}/ex01-four-calls/src/lib.rs"))
        .collect();
    let entries: Vec<(&str, &[u8])> = names.iter().map(|name| (name.as_str(), &big[..])).collect();
    room.zip(&entries);
    let ada = room.ada();
    assert!(
        ada.works.is_empty() && notes(&ada)[0].contains("more than 32 MiB"),
        "{:?}",
        ada.notes
    );
}
