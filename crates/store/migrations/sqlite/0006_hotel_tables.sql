-- What a hotel's systems know: rooms, guests, bookings, prices, the calendar, services, and what models made of it.
-- Days are whole numbers, counted from 1970-01-01; money is whole millionths of the currency's major unit
-- (docs/adr/0014-hotel-tables.md). Files arrive in any order, so no row refers to a guest, a room or a booking.
CREATE TABLE rooms (
    hotel_id     TEXT NOT NULL,
    room_number  TEXT NOT NULL,
    room_type    TEXT NOT NULL,
    floor        BIGINT,
    CONSTRAINT rooms_pk PRIMARY KEY (hotel_id, room_number),
    CONSTRAINT rooms_hotel_fk FOREIGN KEY (hotel_id) REFERENCES hotels (id)
);

-- `content` holds name, e-mail and telephone.
CREATE TABLE guests (
    hotel_id        TEXT NOT NULL,
    id              TEXT NOT NULL,
    segment         TEXT,
    country         TEXT,
    content         BLOB   NOT NULL,
    clv_predicted   DOUBLE PRECISION,
    total_bookings  BIGINT,
    created_at      BIGINT  NOT NULL,
    change_number   BIGINT  NOT NULL,
    sealed_by       TEXT    NOT NULL,
    CONSTRAINT guests_pk PRIMARY KEY (hotel_id, id),
    CONSTRAINT guests_hotel_fk FOREIGN KEY (hotel_id) REFERENCES hotels (id)
);
CREATE INDEX guests_by_seal ON guests (sealed_by);

-- `change_number` is the hotel's count of changes to this table when the row was last written.
CREATE TABLE bookings (
    hotel_id                TEXT NOT NULL,
    id                      TEXT NOT NULL,
    booked_on               BIGINT  NOT NULL,
    arrival                 BIGINT  NOT NULL,
    nights                  BIGINT  NOT NULL,
    room_type               TEXT NOT NULL,
    status                  TEXT    NOT NULL,
    status_on               BIGINT,
    adults                  BIGINT  NOT NULL,
    children                BIGINT  NOT NULL,
    babies                  BIGINT  NOT NULL,
    rate                    BIGINT,
    currency                TEXT,
    guest_id                TEXT,
    room_number             TEXT,
    assigned_room_type      TEXT,
    segment                 TEXT,
    channel                 TEXT,
    customer_type           TEXT,
    agent                   TEXT,
    company                 TEXT,
    country                 TEXT,
    meal                    TEXT,
    payment_method          TEXT,
    deposit                 TEXT,
    repeated_guest          BOOLEAN,
    previous_cancellations  BIGINT,
    previous_stays          BIGINT,
    changes                 BIGINT,
    waiting_days            BIGINT,
    parking_spaces          BIGINT,
    special_requests        BIGINT,
    churn_probability       DOUBLE PRECISION,
    created_at              BIGINT  NOT NULL,
    change_number           BIGINT  NOT NULL,
    CONSTRAINT bookings_pk PRIMARY KEY (hotel_id, id),
    CONSTRAINT bookings_hotel_fk FOREIGN KEY (hotel_id) REFERENCES hotels (id),
    CONSTRAINT bookings_status CHECK (status IN ('confirmed', 'cancelled', 'completed', 'no_show')),
    CONSTRAINT bookings_order CHECK (booked_on <= arrival AND nights >= 0)
);
CREATE INDEX bookings_by_arrival ON bookings (hotel_id, arrival);
CREATE INDEX bookings_by_guest ON bookings (hotel_id, guest_id) WHERE guest_id IS NOT NULL;

-- Prices that were on sale: each stands until the next one of its night and room type was set.
CREATE TABLE rates (
    hotel_id   TEXT NOT NULL,
    night      BIGINT  NOT NULL,
    room_type  TEXT NOT NULL,
    set_on     BIGINT  NOT NULL,
    price      BIGINT  NOT NULL,
    currency   TEXT    NOT NULL,
    CONSTRAINT rates_pk PRIMARY KEY (hotel_id, night, room_type, set_on),
    CONSTRAINT rates_hotel_fk FOREIGN KEY (hotel_id) REFERENCES hotels (id)
);

-- An empty room type compares with all of ours.
CREATE TABLE competitor_prices (
    hotel_id    TEXT NOT NULL,
    competitor  TEXT NOT NULL,
    night       BIGINT  NOT NULL,
    room_type   TEXT NOT NULL,
    seen_on     BIGINT  NOT NULL,
    price       BIGINT  NOT NULL,
    currency    TEXT    NOT NULL,
    CONSTRAINT competitor_prices_pk PRIMARY KEY (hotel_id, night, competitor, room_type, seen_on),
    CONSTRAINT competitor_prices_hotel_fk FOREIGN KEY (hotel_id) REFERENCES hotels (id)
);

CREATE TABLE events_calendar (
    hotel_id   TEXT NOT NULL,
    name       TEXT NOT NULL,
    first_day  BIGINT  NOT NULL,
    last_day   BIGINT  NOT NULL,
    kind       TEXT    NOT NULL,
    known_on   BIGINT,
    CONSTRAINT events_calendar_pk PRIMARY KEY (hotel_id, first_day, name),
    CONSTRAINT events_calendar_hotel_fk FOREIGN KEY (hotel_id) REFERENCES hotels (id),
    CONSTRAINT events_calendar_order CHECK (first_day <= last_day)
);

-- An empty room type is the whole hotel.
CREATE TABLE closures (
    hotel_id   TEXT NOT NULL,
    first_day  BIGINT  NOT NULL,
    last_day   BIGINT  NOT NULL,
    room_type  TEXT NOT NULL,
    CONSTRAINT closures_pk PRIMARY KEY (hotel_id, first_day, last_day, room_type),
    CONSTRAINT closures_hotel_fk FOREIGN KEY (hotel_id) REFERENCES hotels (id),
    CONSTRAINT closures_order CHECK (first_day <= last_day)
);

CREATE TABLE service_uses (
    hotel_id    TEXT NOT NULL,
    booking_id  TEXT NOT NULL,
    service     TEXT NOT NULL,
    used_on     BIGINT  NOT NULL,
    guest_id    TEXT,
    quantity    BIGINT  NOT NULL,
    amount      BIGINT,
    currency    TEXT,
    CONSTRAINT service_uses_pk PRIMARY KEY (hotel_id, booking_id, service, used_on),
    CONSTRAINT service_uses_hotel_fk FOREIGN KEY (hotel_id) REFERENCES hotels (id)
);
CREATE INDEX service_uses_by_day ON service_uses (hotel_id, used_on);
CREATE INDEX service_uses_by_guest ON service_uses (hotel_id, guest_id) WHERE guest_id IS NOT NULL;

-- What models said. `content` holds input and output.
CREATE TABLE ml_predictions (
    id               TEXT NOT NULL,
    hotel_id         TEXT NOT NULL,
    model_name       TEXT NOT NULL,
    model_version    TEXT    NOT NULL,
    prediction_type  TEXT    NOT NULL,
    guest_id         TEXT,
    content          BLOB   NOT NULL,
    confidence       DOUBLE PRECISION,
    as_of            BIGINT,
    created_at       BIGINT  NOT NULL,
    sealed_by        TEXT    NOT NULL,
    CONSTRAINT ml_predictions_pk PRIMARY KEY (id),
    CONSTRAINT ml_predictions_hotel_fk FOREIGN KEY (hotel_id) REFERENCES hotels (id),
    CONSTRAINT ml_predictions_confidence CHECK (confidence IS NULL OR confidence >= 0 AND confidence <= 1)
);
CREATE INDEX ml_predictions_by_time ON ml_predictions (hotel_id, created_at, id);
CREATE INDEX ml_predictions_by_model ON ml_predictions (hotel_id, model_name, created_at, id);
CREATE INDEX ml_predictions_by_age ON ml_predictions (created_at);
CREATE INDEX ml_predictions_by_guest ON ml_predictions (hotel_id, guest_id) WHERE guest_id IS NOT NULL;
CREATE INDEX ml_predictions_by_seal ON ml_predictions (sealed_by);

-- Files that were read in. `inserted`, `changed` and `unchanged` grow with each batch, in its transaction; one without an
-- end was cut short.
CREATE TABLE imports (
    id           TEXT NOT NULL,
    hotel_id     TEXT NOT NULL,
    kind         TEXT    NOT NULL,
    file_name    TEXT,
    file_sha256  TEXT,
    started_at   BIGINT  NOT NULL,
    started_by   TEXT    NOT NULL,
    finished_at  BIGINT,
    accepted     BIGINT  NOT NULL,
    rejected     BIGINT  NOT NULL,
    inserted     BIGINT  NOT NULL,
    changed      BIGINT  NOT NULL,
    unchanged    BIGINT  NOT NULL,
    CONSTRAINT imports_pk PRIMARY KEY (id),
    CONSTRAINT imports_hotel_fk FOREIGN KEY (hotel_id) REFERENCES hotels (id),
    CONSTRAINT imports_sha256_length CHECK (file_sha256 IS NULL OR length(file_sha256) = 64)
);
CREATE INDEX imports_by_time ON imports (hotel_id, started_at, id);

-- How many rows a hotel's table has and how often it changed, kept in the transactions that change it. `mark` is new with
-- each change: two copies of a database that went different ways have no mark in common.
CREATE TABLE table_changes (
    hotel_id      TEXT NOT NULL,
    name          TEXT NOT NULL,
    row_count     BIGINT  NOT NULL,
    change_count  BIGINT  NOT NULL,
    mark          TEXT    NOT NULL,
    CONSTRAINT table_changes_pk PRIMARY KEY (hotel_id, name),
    CONSTRAINT table_changes_hotel_fk FOREIGN KEY (hotel_id) REFERENCES hotels (id)
);
