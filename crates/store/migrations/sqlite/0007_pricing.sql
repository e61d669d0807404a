-- What the hotel says about its prices, the prices that were suggested to it, and what became of them. Days and money as in
-- migration 0006.
-- `content` is a rule as JSON; `position` is its place in the set, which the hotel reads from top to bottom.
CREATE TABLE pricing_rules (
    hotel_id    TEXT NOT NULL,
    id          TEXT NOT NULL,
    position    BIGINT  NOT NULL,
    content     TEXT    NOT NULL,
    created_at  BIGINT  NOT NULL,
    created_by  TEXT    NOT NULL,
    CONSTRAINT pricing_rules_pk PRIMARY KEY (hotel_id, id),
    CONSTRAINT pricing_rules_hotel_fk FOREIGN KEY (hotel_id) REFERENCES hotels (id)
);

-- `content` is what was suggested, as JSON that is compressed (zlib); it names no person. `room_types` is a list as JSON.
-- Whatever a status needs is there with it.
CREATE TABLE price_schedules (
    id              TEXT NOT NULL,
    hotel_id        TEXT NOT NULL,
    as_of           BIGINT  NOT NULL,
    first_night     BIGINT  NOT NULL,
    last_night      BIGINT  NOT NULL,
    room_types      TEXT    NOT NULL,
    status          TEXT    NOT NULL,
    content         BLOB    NOT NULL,
    created_at      BIGINT  NOT NULL,
    created_by      TEXT    NOT NULL,
    decided_at      BIGINT,
    decided_by      TEXT,
    note            TEXT,
    published_at    BIGINT,
    published_by    TEXT,
    publish_target  TEXT,
    CONSTRAINT price_schedules_pk PRIMARY KEY (id),
    CONSTRAINT price_schedules_hotel_fk FOREIGN KEY (hotel_id) REFERENCES hotels (id),
    CONSTRAINT price_schedules_status CHECK (status IN ('proposed', 'approved', 'rejected', 'published')),
    CONSTRAINT price_schedules_order CHECK (first_night <= last_night),
    CONSTRAINT price_schedules_decided CHECK (status = 'proposed' OR decided_at IS NOT NULL),
    CONSTRAINT price_schedules_published CHECK (status <> 'published' OR published_at IS NOT NULL)
);
CREATE INDEX price_schedules_by_time ON price_schedules (hotel_id, created_at, id);
CREATE INDEX price_schedules_by_age ON price_schedules (created_at);

-- Prices that somebody set instead of those of a schedule. The latest one of a night and room type counts; all are kept, for as
-- long as the schedule is.
CREATE TABLE price_overrides (
    id           TEXT NOT NULL,
    hotel_id     TEXT NOT NULL,
    schedule_id  TEXT NOT NULL,
    night        BIGINT  NOT NULL,
    room_type    TEXT NOT NULL,
    suggested    BIGINT,
    price        BIGINT  NOT NULL,
    currency     TEXT    NOT NULL,
    note         TEXT    NOT NULL,
    created_at   BIGINT  NOT NULL,
    created_by   TEXT    NOT NULL,
    CONSTRAINT price_overrides_pk PRIMARY KEY (id),
    CONSTRAINT price_overrides_hotel_fk FOREIGN KEY (hotel_id) REFERENCES hotels (id)
);
CREATE INDEX price_overrides_by_schedule ON price_overrides (hotel_id, schedule_id);
CREATE INDEX price_overrides_by_night ON price_overrides (hotel_id, night);
