-- PostgreSQL: in one step what SQLite has after its migrations 0001 and 0002. The tables are the same but for BYTEA,
-- an identity column and triggers in the server's own language; keep them so. Times are BIGINT microseconds since
-- 1970-01-01T00:00:00Z, ids are TEXT, JSON is TEXT (the audit hash covers its exact bytes, which a JSON type would
-- not keep). Ids sort by their bytes, whatever language the database was created in.

CREATE TABLE hotels (
    id          TEXT COLLATE "C" NOT NULL,
    created_at  BIGINT  NOT NULL,
    -- Number and hash of the newest audit row: a chain cannot show by itself that its end was cut off.
    audit_seq   BIGINT  NOT NULL,
    audit_hash  TEXT    NOT NULL,
    CONSTRAINT hotels_pk PRIMARY KEY (id)
);

CREATE TABLE employees (
    hotel_id           TEXT COLLATE "C" NOT NULL,
    id                 TEXT COLLATE "C" NOT NULL,
    name               TEXT,
    department         TEXT,
    role               TEXT,
    -- The best template, for readers of the contract's column. No foreign key: templates point here.
    face_embedding_id  TEXT COLLATE "C",
    created_at         BIGINT  NOT NULL,
    updated_at         BIGINT  NOT NULL,
    sealed_profile     BYTEA,
    sealed_by          TEXT    NOT NULL DEFAULT '',
    CONSTRAINT employees_pk PRIMARY KEY (hotel_id, id),
    CONSTRAINT employees_hotel_fk FOREIGN KEY (hotel_id) REFERENCES hotels (id)
);
CREATE INDEX employees_by_seal ON employees (sealed_by);

CREATE TABLE consents (
    id              TEXT COLLATE "C" NOT NULL,
    hotel_id        TEXT COLLATE "C" NOT NULL,
    employee_id     TEXT COLLATE "C" NOT NULL,
    given_at        BIGINT  NOT NULL,
    policy_version  TEXT    NOT NULL,
    recorded_by     TEXT    NOT NULL,
    recorded_at     BIGINT  NOT NULL,
    withdrawn_at    BIGINT,
    CONSTRAINT consents_pk PRIMARY KEY (id),
    CONSTRAINT consents_employee_fk FOREIGN KEY (hotel_id, employee_id) REFERENCES employees (hotel_id, id),
    CONSTRAINT consents_policy_named CHECK (length(policy_version) > 0)
);
CREATE INDEX consents_by_employee ON consents (hotel_id, employee_id);

CREATE TABLE face_templates (
    id            TEXT COLLATE "C" NOT NULL,
    hotel_id      TEXT COLLATE "C" NOT NULL,
    employee_id   TEXT COLLATE "C" NOT NULL,
    model         TEXT COLLATE "C" NOT NULL,
    vector        BYTEA             NOT NULL,
    dimension     BIGINT            NOT NULL,
    quality       DOUBLE PRECISION  NOT NULL,
    photo_key     TEXT COLLATE "C",
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
CREATE INDEX face_templates_by_model ON face_templates (model);
CREATE INDEX face_templates_by_hotel_model ON face_templates (hotel_id, model);
CREATE INDEX face_templates_by_photo ON face_templates (hotel_id, photo_key);
CREATE INDEX face_templates_pending ON face_templates (created_at) WHERE vector_state = 'pending';
CREATE INDEX face_templates_by_seal ON face_templates (sealed_by);

-- What the vector index and the photo folder must still forget. No employee here: these rows outlive one.
CREATE TABLE vector_deletes (
    template_id  TEXT COLLATE "C" NOT NULL,
    hotel_id     TEXT COLLATE "C" NOT NULL,
    model        TEXT COLLATE "C" NOT NULL,
    queued_at    BIGINT  NOT NULL,
    CONSTRAINT vector_deletes_pk PRIMARY KEY (template_id),
    CONSTRAINT vector_deletes_hotel_fk FOREIGN KEY (hotel_id) REFERENCES hotels (id)
);

CREATE TABLE media_deletes (
    hotel_id   TEXT COLLATE "C" NOT NULL,
    photo_key  TEXT COLLATE "C" NOT NULL,
    queued_at  BIGINT  NOT NULL,
    CONSTRAINT media_deletes_pk PRIMARY KEY (hotel_id, photo_key),
    CONSTRAINT media_deletes_hotel_fk FOREIGN KEY (hotel_id) REFERENCES hotels (id)
);

CREATE TABLE attendance_logs (
    id               TEXT COLLATE "C" NOT NULL,
    hotel_id         TEXT COLLATE "C" NOT NULL,
    employee_id      TEXT COLLATE "C" NOT NULL,
    -- The frame that opened the sighting, as its event said; never changes.
    "timestamp"      BIGINT            NOT NULL,
    -- Earliest and latest frame that belong to the sighting.
    first_seen_at    BIGINT            NOT NULL,
    last_seen_at     BIGINT            NOT NULL,
    action           TEXT              NOT NULL,
    camera_id        TEXT COLLATE "C",
    confidence       DOUBLE PRECISION  NOT NULL,
    score            DOUBLE PRECISION  NOT NULL,
    is_alive         BOOLEAN,
    liveness_reason  TEXT,
    model            TEXT COLLATE "C" NOT NULL,
    created_at       BIGINT            NOT NULL,
    -- How the row came about: seen by a camera, named afterwards, or put right by somebody.
    source           TEXT              NOT NULL DEFAULT 'camera',
    CONSTRAINT attendance_pk PRIMARY KEY (id),
    CONSTRAINT attendance_employee_fk FOREIGN KEY (hotel_id, employee_id) REFERENCES employees (hotel_id, id),
    CONSTRAINT attendance_action CHECK (action IN ('check_in', 'check_out', 'seen')),
    CONSTRAINT attendance_source CHECK (source IN ('camera', 'named_later', 'corrected')),
    CONSTRAINT attendance_confidence CHECK (confidence >= 0 AND confidence <= 1),
    CONSTRAINT attendance_interval CHECK (first_seen_at <= "timestamp" AND "timestamp" <= last_seen_at)
);
CREATE INDEX attendance_by_employee ON attendance_logs (hotel_id, employee_id, last_seen_at);
CREATE INDEX attendance_by_employee_time ON attendance_logs (hotel_id, employee_id, "timestamp");
CREATE INDEX attendance_by_time ON attendance_logs (hotel_id, "timestamp");

CREATE TABLE audit_log (
    seq        BIGINT  NOT NULL,
    hotel_id   TEXT COLLATE "C" NOT NULL,
    at         BIGINT  NOT NULL,
    actor      TEXT    NOT NULL,
    action     TEXT    NOT NULL,
    subject    TEXT    NOT NULL,
    details    TEXT    NOT NULL,
    prev_hash  TEXT    NOT NULL,
    hash       TEXT    NOT NULL,
    CONSTRAINT audit_log_pk PRIMARY KEY (hotel_id, seq),
    CONSTRAINT audit_log_hotel_fk FOREIGN KEY (hotel_id) REFERENCES hotels (id)
);

CREATE TABLE outbox (
    -- Order of delivery within a hotel, whose writers queue. Between hotels a number may appear after a higher one.
    seq           BIGINT   GENERATED ALWAYS AS IDENTITY,
    id            TEXT COLLATE "C" NOT NULL,
    hotel_id      TEXT COLLATE "C" NOT NULL,
    topic         TEXT     NOT NULL,
    payload       TEXT     NOT NULL,
    -- Whom the event is about, so that deleting a person finds it.
    person        TEXT,
    -- The person is gone: the row goes too as soon as it was delivered.
    forget        BOOLEAN  NOT NULL,
    created_at    BIGINT   NOT NULL,
    delivered_at  BIGINT,
    attempts      BIGINT   NOT NULL,
    sealed_payload  BYTEA,
    sealed_by     TEXT     NOT NULL DEFAULT '',
    CONSTRAINT outbox_pk PRIMARY KEY (seq),
    CONSTRAINT outbox_id_once UNIQUE (id),
    CONSTRAINT outbox_hotel_fk FOREIGN KEY (hotel_id) REFERENCES hotels (id)
);
CREATE INDEX outbox_pending ON outbox (seq) WHERE delivered_at IS NULL;
CREATE INDEX outbox_by_person ON outbox (hotel_id, person);
CREATE INDEX outbox_by_seal ON outbox (sealed_by);

-- Secrets of the installation that must not change with the key: what salts pseudonyms, what turns vectors.
CREATE TABLE secrets (
    name       TEXT  NOT NULL,
    value      BYTEA NOT NULL,
    sealed_by  TEXT  NOT NULL,
    CONSTRAINT secrets_pk PRIMARY KEY (name)
);

CREATE TABLE api_keys (
    id           TEXT COLLATE "C" NOT NULL,
    hotel_id     TEXT COLLATE "C" NOT NULL,
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
    id           TEXT COLLATE "C" NOT NULL,
    hotel_id     TEXT COLLATE "C" NOT NULL,
    group_id     TEXT COLLATE "C" NOT NULL,
    model        TEXT COLLATE "C" NOT NULL,
    vector       BYTEA             NOT NULL,
    dimension    BIGINT            NOT NULL,
    quality      DOUBLE PRECISION  NOT NULL,
    camera_id    TEXT COLLATE "C",
    -- First and last frame of the sighting, and how many; the vector is that of the best frame.
    seen_at      BIGINT            NOT NULL,
    last_seen_at BIGINT            NOT NULL,
    frames       BIGINT            NOT NULL,
    is_alive     BOOLEAN,
    liveness_reason TEXT,
    photo_key    TEXT COLLATE "C",
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
    id           TEXT COLLATE "C" NOT NULL,
    hotel_id     TEXT COLLATE "C" NOT NULL,
    employee_id  TEXT COLLATE "C" NOT NULL,
    model        TEXT COLLATE "C" NOT NULL,
    vector       BYTEA   NOT NULL,
    dimension    BIGINT  NOT NULL,
    created_at   BIGINT  NOT NULL,
    created_by   TEXT    NOT NULL,
    sealed_by    TEXT    NOT NULL,
    -- Whose face it is in truth, when somebody said.
    shows_employee_id  TEXT COLLATE "C",
    CONSTRAINT not_this_person_pk PRIMARY KEY (id),
    CONSTRAINT not_this_person_employee_fk FOREIGN KEY (hotel_id, employee_id) REFERENCES employees (hotel_id, id),
    CONSTRAINT not_this_person_shown_fk FOREIGN KEY (hotel_id, shows_employee_id) REFERENCES employees (hotel_id, id)
);
CREATE INDEX not_this_person_by_employee ON not_this_person (hotel_id, employee_id, model);
CREATE INDEX not_this_person_by_shown ON not_this_person (hotel_id, shows_employee_id);
CREATE INDEX not_this_person_by_seal ON not_this_person (sealed_by);

-- One trigger for the statement, not its rows: it also fires when a policy leaves no row to touch.
CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is append-only', TG_TABLE_NAME;
END
$$;
CREATE TRIGGER audit_log_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_log
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- A transaction says whose rows it may see and write, or '*' for background work over every hotel. One that says
-- nothing sees nothing. FORCE, because the service owns the tables. References and keys look past policies.
DO $$
DECLARE
    t record;
BEGIN
    FOR t IN
        SELECT table_name AS name, CASE table_name WHEN 'hotels' THEN 'id' ELSE 'hotel_id' END AS hotel
        FROM information_schema.columns
        WHERE table_schema = current_schema() AND (column_name = 'hotel_id' OR table_name = 'hotels' AND column_name = 'id')
    LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY', t.name);
        EXECUTE format(
            'CREATE POLICY one_hotel ON %I USING (current_setting(''innkeeper.hotel'', true) IN (%I, ''*''))',
            t.name, t.hotel
        );
    END LOOP;
END
$$;
