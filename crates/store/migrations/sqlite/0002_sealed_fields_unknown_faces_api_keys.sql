-- Vectors and personal fields are sealed from here on (AES-256-GCM; the key's id stands in the sealed bytes and,
-- for counting and rotation, in `sealed_by`). What version 1 wrote is plain until the store has sealed it, which
-- it does before it opens: `sealed_by` is '' until then. Sealed texts are kept as bytes.

ALTER TABLE employees ADD COLUMN sealed_profile BLOB;
ALTER TABLE employees ADD COLUMN sealed_by TEXT NOT NULL DEFAULT '';
CREATE INDEX employees_by_seal ON employees (sealed_by);

-- SQLite cannot drop the check on the vector's length, which a sealed vector does not keep.
CREATE TABLE face_templates_sealed (
    id            TEXT              NOT NULL,
    hotel_id      TEXT              NOT NULL,
    employee_id   TEXT              NOT NULL,
    model         TEXT              NOT NULL,
    vector        BLOB              NOT NULL,
    dimension     BIGINT            NOT NULL,
    quality       DOUBLE PRECISION  NOT NULL,
    photo_key     TEXT,
    photo_sha256  TEXT              NOT NULL,
    created_at    BIGINT            NOT NULL,
    vector_state  TEXT              NOT NULL,
    -- When the template last was the best of a match: a policy may ask for new photos of whom it fades.
    last_matched_at  BIGINT,
    sealed_by     TEXT              NOT NULL DEFAULT '',
    CONSTRAINT face_templates_pk PRIMARY KEY (id),
    CONSTRAINT face_templates_photo_once UNIQUE (hotel_id, employee_id, model, photo_sha256),
    CONSTRAINT face_templates_employee_fk FOREIGN KEY (hotel_id, employee_id) REFERENCES employees (hotel_id, id),
    CONSTRAINT face_templates_vector_length CHECK (dimension > 0),
    CONSTRAINT face_templates_sha256_length CHECK (length(photo_sha256) = 64),
    CONSTRAINT face_templates_state CHECK (vector_state IN ('pending', 'indexed'))
);
INSERT INTO face_templates_sealed
    (id, hotel_id, employee_id, model, vector, dimension, quality, photo_key, photo_sha256, created_at, vector_state)
    SELECT id, hotel_id, employee_id, model, vector, dimension, quality, photo_key, photo_sha256, created_at,
        vector_state FROM face_templates;
DROP TABLE face_templates;
ALTER TABLE face_templates_sealed RENAME TO face_templates;
CREATE INDEX face_templates_by_model ON face_templates (model);
CREATE INDEX face_templates_by_hotel_model ON face_templates (hotel_id, model);
CREATE INDEX face_templates_by_photo ON face_templates (hotel_id, photo_key);
CREATE INDEX face_templates_pending ON face_templates (created_at) WHERE vector_state = 'pending';
CREATE INDEX face_templates_by_seal ON face_templates (sealed_by);

ALTER TABLE outbox ADD COLUMN sealed_payload BLOB;
ALTER TABLE outbox ADD COLUMN sealed_by TEXT NOT NULL DEFAULT '';
CREATE INDEX outbox_by_seal ON outbox (sealed_by);

-- Secrets of the installation that must not change with the key: what salts pseudonyms, what turns vectors.
CREATE TABLE secrets (
    name       TEXT  NOT NULL,
    value      BLOB  NOT NULL,
    sealed_by  TEXT  NOT NULL,
    CONSTRAINT secrets_pk PRIMARY KEY (name)
);

CREATE TABLE api_keys (
    id           TEXT    NOT NULL,
    hotel_id     TEXT    NOT NULL,
    subject      TEXT    NOT NULL,
    role         TEXT    NOT NULL,
    -- JSON list, or null for what the role may do.
    permissions  TEXT,
    -- Hex SHA-256 of the secret half of the key; the key itself is told once and kept nowhere.
    hash         TEXT    NOT NULL,
    created_at   BIGINT  NOT NULL,
    created_by   TEXT    NOT NULL,
    expires_at   BIGINT,
    revoked_at   BIGINT,
    CONSTRAINT api_keys_pk PRIMARY KEY (id),
    CONSTRAINT api_keys_hotel_fk FOREIGN KEY (hotel_id) REFERENCES hotels (id),
    CONSTRAINT api_keys_hash_length CHECK (length(hash) = 64)
);
CREATE INDEX api_keys_by_hotel ON api_keys (hotel_id, created_at);

-- Faces nobody could name, for as long as the hotel's rule says. `group_id` gathers sightings of one face.
CREATE TABLE unknown_faces (
    id           TEXT              NOT NULL,
    hotel_id     TEXT              NOT NULL,
    group_id     TEXT              NOT NULL,
    model        TEXT              NOT NULL,
    vector       BLOB              NOT NULL,
    dimension    BIGINT            NOT NULL,
    quality      DOUBLE PRECISION  NOT NULL,
    camera_id    TEXT,
    -- First and last frame of the sighting, and how many; the vector is that of the best frame.
    seen_at      BIGINT            NOT NULL,
    last_seen_at BIGINT            NOT NULL,
    frames       BIGINT            NOT NULL,
    is_alive     BOOLEAN,
    liveness_reason TEXT,
    photo_key    TEXT,
    photo_sha256 TEXT              NOT NULL,
    expires_at   BIGINT            NOT NULL,
    sealed_by    TEXT              NOT NULL,
    CONSTRAINT unknown_faces_pk PRIMARY KEY (id),
    CONSTRAINT unknown_faces_hotel_fk FOREIGN KEY (hotel_id) REFERENCES hotels (id)
);
CREATE INDEX unknown_faces_by_group ON unknown_faces (hotel_id, group_id, seen_at);
CREATE INDEX unknown_faces_by_time ON unknown_faces (hotel_id, last_seen_at);
CREATE INDEX unknown_faces_by_photo ON unknown_faces (hotel_id, photo_key);
CREATE INDEX unknown_faces_by_end ON unknown_faces (expires_at);
CREATE INDEX unknown_faces_by_seal ON unknown_faces (sealed_by);

-- Faces that somebody said are not this employee. They go with that person, and with the one they show.
CREATE TABLE not_this_person (
    id           TEXT    NOT NULL,
    hotel_id     TEXT    NOT NULL,
    employee_id  TEXT    NOT NULL,
    model        TEXT    NOT NULL,
    vector       BLOB    NOT NULL,
    dimension    BIGINT  NOT NULL,
    created_at   BIGINT  NOT NULL,
    created_by   TEXT    NOT NULL,
    sealed_by    TEXT    NOT NULL,
    -- Whose face it is in truth, when somebody said.
    shows_employee_id  TEXT,
    CONSTRAINT not_this_person_pk PRIMARY KEY (id),
    CONSTRAINT not_this_person_employee_fk FOREIGN KEY (hotel_id, employee_id) REFERENCES employees (hotel_id, id),
    CONSTRAINT not_this_person_shown_fk FOREIGN KEY (hotel_id, shows_employee_id) REFERENCES employees (hotel_id, id)
);
CREATE INDEX not_this_person_by_employee ON not_this_person (hotel_id, employee_id, model);
CREATE INDEX not_this_person_by_shown ON not_this_person (hotel_id, shows_employee_id);
CREATE INDEX not_this_person_by_seal ON not_this_person (sealed_by);

-- How the row came about: seen by a camera, named afterwards, or put right by somebody.
ALTER TABLE attendance_logs ADD COLUMN source TEXT NOT NULL DEFAULT 'camera'
    CHECK (source IN ('camera', 'named_later', 'corrected'));
