-- Pictures that a hotel keeps to find them again, and reports of lost things, which may have none. `content` holds the tags,
-- the description and whatever else may tell of a person. Vectors stand in a table of their own: a row is sealed by one
-- key, and a change of models replaces vectors only.
CREATE TABLE images (
    id             TEXT NOT NULL,
    hotel_id       TEXT NOT NULL,
    category       TEXT    NOT NULL,
    room_number    TEXT,
    -- Of a thing somebody found or lost.
    side           TEXT,
    uploaded_at    BIGINT  NOT NULL,
    taken_at       BIGINT,
    created_by     TEXT    NOT NULL,
    content        BLOB   NOT NULL,
    photo_key      TEXT,
    thumbnail_key  TEXT,
    -- Of what was sent, not of what is kept.
    photo_sha256   TEXT,
    -- 64 bits of a perceptual hash, and the same in four parts: two hashes that differ in up to three bits share a part.
    hash           BIGINT,
    band_1         BIGINT,
    band_2         BIGINT,
    band_3         BIGINT,
    band_4         BIGINT,
    sealed_by      TEXT    NOT NULL,
    CONSTRAINT images_pk PRIMARY KEY (id),
    CONSTRAINT images_of_hotel UNIQUE (hotel_id, id),
    CONSTRAINT images_hotel_fk FOREIGN KEY (hotel_id) REFERENCES hotels (id),
    CONSTRAINT images_category CHECK (category IN ('room', 'lost_found', 'amenity', 'reference')),
    CONSTRAINT images_side CHECK (side IS NULL OR side IN ('found', 'lost') AND category = 'lost_found'),
    CONSTRAINT images_reference_room CHECK (category <> 'reference' OR room_number IS NOT NULL),
    CONSTRAINT images_photo CHECK (photo_key IS NOT NULL OR side IS NOT NULL AND side = 'lost'),
    CONSTRAINT images_photo_whole CHECK (
        (photo_key IS NULL) = (photo_sha256 IS NULL) AND (photo_key IS NULL) = (hash IS NULL)
    ),
    CONSTRAINT images_sha256_length CHECK (photo_sha256 IS NULL OR length(photo_sha256) = 64)
);
CREATE INDEX images_by_time ON images (hotel_id, uploaded_at, id);
CREATE INDEX images_by_category ON images (hotel_id, category, uploaded_at, id);
CREATE INDEX images_by_room ON images (hotel_id, room_number, uploaded_at, id);
CREATE INDEX images_by_photo ON images (hotel_id, photo_key);
CREATE INDEX images_by_sha256 ON images (hotel_id, photo_sha256);
CREATE INDEX images_by_band_1 ON images (hotel_id, band_1);
CREATE INDEX images_by_band_2 ON images (hotel_id, band_2);
CREATE INDEX images_by_band_3 ON images (hotel_id, band_3);
CREATE INDEX images_by_band_4 ON images (hotel_id, band_4);
CREATE INDEX images_by_seal ON images (sealed_by);

-- What one model knows of an image.
CREATE TABLE image_vectors (
    image_id      TEXT NOT NULL,
    hotel_id      TEXT NOT NULL,
    model         TEXT NOT NULL,
    vector        BLOB   NOT NULL,
    dimension     BIGINT  NOT NULL,
    created_at    BIGINT  NOT NULL,
    vector_state  TEXT    NOT NULL,
    sealed_by     TEXT    NOT NULL,
    CONSTRAINT image_vectors_pk PRIMARY KEY (image_id),
    CONSTRAINT image_vectors_image_fk FOREIGN KEY (hotel_id, image_id) REFERENCES images (hotel_id, id),
    CONSTRAINT image_vectors_length CHECK (dimension > 0),
    CONSTRAINT image_vectors_state CHECK (vector_state IN ('pending', 'indexed'))
);
CREATE INDEX image_vectors_by_model ON image_vectors (model, image_id);
CREATE INDEX image_vectors_by_hotel_model ON image_vectors (hotel_id, model);
CREATE INDEX image_vectors_pending ON image_vectors (created_at, image_id) WHERE vector_state = 'pending';
CREATE INDEX image_vectors_by_seal ON image_vectors (sealed_by);

-- What the vector index must still forget; these rows outlive their images.
CREATE TABLE image_vector_deletes (
    image_id   TEXT NOT NULL,
    model      TEXT NOT NULL,
    hotel_id   TEXT NOT NULL,
    queued_at  BIGINT  NOT NULL,
    CONSTRAINT image_vector_deletes_pk PRIMARY KEY (image_id, model),
    CONSTRAINT image_vector_deletes_hotel_fk FOREIGN KEY (hotel_id) REFERENCES hotels (id)
);

-- Things that were found and reports of loss that may belong together. `content` holds the reasons.
CREATE TABLE item_matches (
    id          TEXT NOT NULL,
    hotel_id    TEXT NOT NULL,
    found_id    TEXT NOT NULL,
    lost_id     TEXT NOT NULL,
    similarity  DOUBLE PRECISION,
    content     BLOB   NOT NULL,
    state       TEXT    NOT NULL,
    created_at  BIGINT  NOT NULL,
    decided_at  BIGINT,
    decided_by  TEXT,
    sealed_by   TEXT    NOT NULL,
    CONSTRAINT item_matches_pk PRIMARY KEY (id),
    CONSTRAINT item_matches_pair_once UNIQUE (hotel_id, found_id, lost_id),
    CONSTRAINT item_matches_found_fk FOREIGN KEY (hotel_id, found_id) REFERENCES images (hotel_id, id),
    CONSTRAINT item_matches_lost_fk FOREIGN KEY (hotel_id, lost_id) REFERENCES images (hotel_id, id),
    CONSTRAINT item_matches_state CHECK (state IN ('open', 'confirmed', 'dismissed')),
    CONSTRAINT item_matches_similarity CHECK (similarity IS NULL OR similarity >= -1 AND similarity <= 1)
);
CREATE INDEX item_matches_by_time ON item_matches (hotel_id, created_at, id);
CREATE INDEX item_matches_by_lost ON item_matches (hotel_id, lost_id);
CREATE INDEX item_matches_by_seal ON item_matches (sealed_by);

-- What was said of a room, by a model or by a person, newest last. `content` holds tags, reasons and the estimate.
CREATE TABLE room_verdicts (
    id           TEXT NOT NULL,
    hotel_id     TEXT NOT NULL,
    room_number  TEXT NOT NULL,
    room_type    TEXT,
    status       TEXT    NOT NULL,
    ready        BOOLEAN NOT NULL,
    source       TEXT    NOT NULL,
    -- The answer it was told in, while that is kept.
    answer_id    TEXT,
    -- JSON list of models with their versions.
    models       TEXT    NOT NULL,
    content      BLOB   NOT NULL,
    created_at   BIGINT  NOT NULL,
    created_by   TEXT    NOT NULL,
    sealed_by    TEXT    NOT NULL,
    CONSTRAINT room_verdicts_pk PRIMARY KEY (id),
    CONSTRAINT room_verdicts_hotel_fk FOREIGN KEY (hotel_id) REFERENCES hotels (id),
    CONSTRAINT room_verdicts_status CHECK (length(status) BETWEEN 1 AND 32),
    CONSTRAINT room_verdicts_source CHECK (source IN ('analysis', 'correction'))
);
CREATE INDEX room_verdicts_by_room ON room_verdicts (hotel_id, room_number, created_at, id);
CREATE INDEX room_verdicts_by_seal ON room_verdicts (sealed_by);

-- How long rooms took to clean. `content` holds the tags that were seen before.
CREATE TABLE cleanings (
    id           TEXT NOT NULL,
    hotel_id     TEXT NOT NULL,
    room_number  TEXT NOT NULL,
    room_type    TEXT,
    started_at   BIGINT  NOT NULL,
    finished_at  BIGINT  NOT NULL,
    content      BLOB   NOT NULL,
    recorded_by  TEXT    NOT NULL,
    created_at   BIGINT  NOT NULL,
    sealed_by    TEXT    NOT NULL,
    CONSTRAINT cleanings_pk PRIMARY KEY (id),
    CONSTRAINT cleanings_start_once UNIQUE (hotel_id, room_number, started_at),
    CONSTRAINT cleanings_hotel_fk FOREIGN KEY (hotel_id) REFERENCES hotels (id),
    CONSTRAINT cleanings_interval CHECK (started_at < finished_at)
);
CREATE INDEX cleanings_by_time ON cleanings (hotel_id, finished_at, id);
CREATE INDEX cleanings_by_seal ON cleanings (sealed_by);
