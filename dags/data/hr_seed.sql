-- An HR table to try zoom_onboarding_postgres with: made-up people, on example domains only.
--
-- A row is one employment. Who comes back gets a new row under the same number (1004) or a new
-- hire_date in the old one (1008). recorded_at says when HR entered the row, three weeks before the
-- first day unless it was late, and updated_at when HR touched it last.

CREATE SCHEMA hr;

CREATE TABLE hr.employees (
    id               bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    employee_number  text NOT NULL,
    work_email       text,
    first_name       text,
    last_name        text,
    preferred_name   text,
    department       text,
    employment_type  text NOT NULL CHECK (employment_type IN ('employee', 'contractor')),
    country          text,
    office           text,
    hire_date        date,
    termination_date date,
    recorded_at      timestamptz NOT NULL DEFAULT now(),
    updated_at       timestamptz NOT NULL DEFAULT now()
);

-- Each run asks for a few first days, and for what was entered since the last one.
CREATE INDEX employees_hire_date ON hr.employees (hire_date);
CREATE INDEX employees_recorded_at ON hr.employees (recorded_at);

WITH given (number, email, first, last, preferred, department, type, country, office, hired, left_on, touched) AS (
    VALUES
    -- Here for a while.
    ('1001', 'aaliyah.washington@example.com', 'Aaliyah', 'Washington', NULL, 'Sales', 'employee', 'US', 'Atlanta', '2024-11-04', NULL, NULL),
    ('1002', 'zoe.mueller@example.com', 'Zoë', 'Müller-Lüdenscheidt', NULL, 'Engineering', 'employee', 'DE', 'Berlin', '2024-11-18', NULL, NULL),
    ('1003', 'jose.nunez@example.com', 'José Ángel', 'Núñez Ibáñez', 'José', 'Support', 'employee', 'ES', 'Madrid', '2024-12-02', NULL, NULL),
    ('1004', 'katarzyna.zielinska@example.com', 'Katarzyna', 'Zielińska', 'Kasia', 'Engineering', 'employee', 'PL', 'Kraków', '2024-12-02', '2025-06-30', '2025-06-30 16:00+02'),
    ('1005', 'francois.lecuyer@example.com', 'François', 'L''Écuyer', NULL, 'Finance', 'employee', 'CA', 'Montréal', '2025-01-02', NULL, NULL),
    ('1006', 'reka.szoke@example.com', 'Réka', 'Szőke', NULL, 'Finance', 'employee', 'HU', 'Budapest', '2025-01-07', NULL, NULL),
    ('1007', 'oliver.brown@example.com', 'Oliver', 'Brown', NULL, 'Sales', 'employee', 'GB', 'London', '2025-01-13', '2025-08-15', '2025-08-01 10:00+02'),
    -- Came back: the old end still stands in the row.
    ('1008', 'ines.ferreira@example.com', 'Inês', 'Ferreira', NULL, 'Marketing', 'employee', 'PT', 'Lisboa', '2025-11-03', '2025-04-30', '2025-10-09 14:10+02'),
    ('1009', 'wei.wang@example.com', '伟', '王', NULL, 'Engineering', 'employee', 'CN', '上海', '2025-02-03', NULL, NULL),
    -- Has married: the name was changed on 14 October.
    ('1010', 'siobhan.nidhomhnaill@example.com', 'Siobhán', 'Uí Bhriain', NULL, 'Legal', 'employee', 'IE', 'Dublin', '2025-02-10', NULL, '2025-10-14 09:30+02'),
    ('1011', 'minjun.kim@example.com', '민준', '김', NULL, 'Engineering', 'employee', 'KR', '서울', '2025-02-17', NULL, NULL),
    ('1012', 'priya.raman@example.net', 'Priya', 'Raman', NULL, 'Engineering', 'contractor', 'IN', 'Chennai', '2025-03-03', '2099-12-31', NULL),
    -- Has another address, too, since 21 October.
    ('1013', 'gokce.aydin@example.com', 'Gökçe', 'Aydın', NULL, 'People', 'employee', 'TR', 'İstanbul', '2025-03-17', NULL, '2025-10-21 11:00+02'),
    ('1014', 'tomas.novak@example.net', 'Tomáš', 'Novák', NULL, 'Engineering', 'contractor', 'CZ', 'Praha', '2025-04-01', '2025-09-30', '2025-09-30 17:00+02'),
    ('1015', 'sakura.sato@example.com', 'さくら', '佐藤', NULL, 'Sales', 'employee', 'JP', '東京', '2025-04-14', NULL, NULL),
    ('1016', 'soren.orsted@example.com', 'Søren', 'Ørsted', NULL, 'Engineering', 'employee', 'DK', 'København', '2025-05-05', NULL, NULL),
    ('1017', 'nhung.nguyen@example.com', 'Nhung', 'Nguyễn Thị Hồng', NULL, 'Support', 'employee', 'VN', 'Hà Nội', '2025-05-19', NULL, NULL),
    ('1018', 'amara.okafor@example.com', 'Chiamaka Amarachi', 'Okafor', 'Amara', 'People', 'employee', 'NG', 'Lagos', '2025-06-02', NULL, NULL),
    ('1019', 'elif.demir@example.com', 'Elif', 'Demir', NULL, 'Operations', 'employee', 'TR', 'İzmir', '2025-06-16', '2025-09-12', '2025-09-01 08:15+02'),
    ('1020', 'sarka.dvorakova@example.com', 'Šárka', 'Dvořáková', NULL, 'Marketing', 'employee', 'CZ', 'Praha', '2025-07-01', NULL, NULL),
    ('1021', 'lucas.martins@example.com', 'Lucas', 'Martins', NULL, 'Support', 'employee', 'BR', 'São Paulo', '2025-07-14', NULL, NULL),
    ('1022', 'yating.chen@example.com', '雅婷', '陳', NULL, 'Engineering', 'employee', 'TW', '臺北', '2025-08-04', NULL, NULL),
    ('1023', 'thordis.gudmundsdottir@example.com', 'Þórdís', 'Guðmundsdóttir', NULL, 'Engineering', 'employee', 'IS', 'Reykjavík', '2025-08-18', NULL, NULL),
    ('1024', 'dmitri.ivanov@example.org', 'Дмитрий', 'Иванов', NULL, 'Engineering', 'contractor', 'RS', 'Beograd', '2025-09-01', '2099-12-31', NULL),
    ('1025', 'emma.virtanen@example.com', 'Emma', 'Virtanen', NULL, 'Sales', 'employee', 'FI', 'Helsinki', '2025-09-15', NULL, NULL),
    -- Entered three weeks after the first day.
    ('1026', 'mohammed.alfarsi@example.com', 'محمد', 'الفارسي', NULL, 'Sales', 'employee', 'OM', 'مسقط', '2025-10-01', NULL, '2025-10-22 15:45+02'),

    -- First days from 8 October to 6 November 2025.
    ('1027', 'maria.papadopoulou@example.com', 'Μαρία', 'Παπαδοπούλου', NULL, 'Finance', 'employee', 'GR', 'Αθήνα', '2025-10-08', NULL, NULL),
    ('1028', 'noah.andersson@example.com', 'Noah', 'Andersson', NULL, 'Engineering', 'employee', 'SE', 'Göteborg', '2025-10-09', NULL, NULL),
    ('1029', 'kovacs.bence@example.com', 'Bence', 'Kovács', NULL, 'Engineering', 'employee', 'HU', 'Szeged', '2025-10-13', NULL, NULL),
    ('1030', 'jiwoo.park@example.com', '지우', '박', NULL, 'Marketing', 'employee', 'KR', '부산', '2025-10-13', NULL, NULL),
    ('1031', 'ravi.patel@example.net', 'Ravi', 'Patel', NULL, 'Sales', 'contractor', 'IN', 'Pune', '2025-10-13', '2099-12-31', NULL),
    -- Left within a month.
    ('1032', 'chloe.dubois@example.com', 'Chloé', 'Dubois', NULL, 'Sales', 'employee', 'FR', 'Lyon', '2025-10-13', '2025-10-31', '2025-10-31 12:00+01'),
    -- Entered two days after the first day.
    ('1033', 'ivana.horvat@example.com', 'Ivana', 'Horvat', NULL, 'Operations', 'employee', 'HR', 'Zagreb', '2025-10-15', NULL, '2025-10-17 11:20+02'),
    ('1034', 'li.na@example.com', '娜', '李', 'Lina', 'Support', 'employee', 'CN', '深圳', '2025-10-16', NULL, NULL),
    ('1004', 'katarzyna.zielinska@example.com', 'Katarzyna', 'Zielińska', 'Kasia', 'Engineering', 'employee', 'PL', 'Kraków', '2025-10-20', NULL, NULL),
    ('1035', 'anouk.devries@example.com', 'Anouk', 'de Vries', NULL, 'People', 'employee', 'NL', 'Utrecht', '2025-10-20', NULL, NULL),
    ('1036', 'bjorn.akerman@example.com', 'Björn', 'Åkerman', NULL, 'Engineering', 'employee', 'SE', 'Malmö', '2025-10-20', NULL, NULL),
    -- No address yet.
    ('1037', NULL, 'Grace', 'Mwangi', NULL, 'Finance', 'employee', 'KE', 'Nairobi', '2025-10-21', NULL, NULL),
    ('1038', 'hans.gruber@example.com', 'Hans', 'Grüber', NULL, 'Legal', 'employee', 'AT', 'Wien', '2025-10-23', NULL, NULL),
    -- The days around the end of summer time, 26 October.
    ('1039', 'marta.rossi@example.com', 'Marta', 'Rossi', NULL, 'Operations', 'employee', 'IT', 'Milano', '2025-10-25', NULL, NULL),
    ('1040', 'ola.nordmann@example.com', 'Ola', 'Nordmann', NULL, 'Operations', 'employee', 'NO', 'Bergen', '2025-10-26', NULL, NULL),
    ('1041', 'ana.popescu@example.com', 'Ana', 'Popescu', NULL, 'Engineering', 'employee', 'RO', 'București', '2025-10-27', NULL, NULL),
    ('1042', 'peter.hruska@example.com', 'Peter', 'Hruška', NULL, 'Support', 'employee', 'SK', 'Košice', '2025-10-28', NULL, NULL),
    -- A department that is not in the mapping.
    ('1043', 'fatima.zahra@example.com', 'Fatima', 'Zahra', NULL, 'Enginering', 'employee', 'MA', 'Rabat', '2025-10-28', NULL, NULL),
    ('1044', 'carlos.mendoza@example.net', 'Carlos', 'Mendoza', NULL, 'Support', 'contractor', 'MX', 'Monterrey', '2025-10-30', '2099-12-31', NULL),
    ('1045', 'haruto.tanaka@example.com', '陽翔', '田中', NULL, 'Engineering', 'employee', 'JP', '大阪', '2025-11-03', NULL, NULL),
    -- Six Chinese characters; Zoom takes five.
    ('1046', 'abdurehman.memet@example.com', '阿卜杜', '买买提阿布都', NULL, 'Operations', 'employee', 'CN', '乌鲁木齐', '2025-11-03', NULL, NULL),
    ('1047', 'leila.haddad@example.com', 'ليلى', 'حداد', NULL, 'Marketing', 'employee', 'LB', 'بيروت', '2025-11-03', NULL, NULL),
    ('1048', 'janis.berzins@example.com', 'Jānis', 'Bērziņš', NULL, 'Sales', 'employee', 'LV', 'Rīga', '2025-11-05', NULL, NULL),
    ('1049', 'eszter.toth@example.com', 'Eszter', 'Tóth', NULL, 'People', 'employee', 'HU', 'Budapest', '2025-11-06', NULL, NULL),

    -- Later.
    ('1050', 'ugne.kazlauskaite@example.com', 'Ugnė', 'Kazlauskaitė', NULL, 'Engineering', 'employee', 'LT', 'Vilnius', '2025-11-07', NULL, NULL),
    ('1051', 'diego.torres@example.com', 'Diego', 'Torres', NULL, 'Sales', 'employee', 'CO', 'Bogotá', '2025-11-10', NULL, NULL),
    ('1052', 'oksana.shevchenko@example.com', 'Оксана', 'Шевченко', NULL, 'Engineering', 'employee', 'UA', 'Львів', '2025-11-17', NULL, NULL),
    ('1053', 'mei.lin@example.com', '美玲', '林', 'May', 'Finance', 'employee', 'SG', 'Singapore', '2025-12-01', NULL, NULL),
    ('1054', 'luka.kovac@example.com', 'Luka', 'Kovač', NULL, 'Support', 'employee', 'SI', 'Ljubljana', '2025-12-01', NULL, NULL),
    ('1055', 'aroha.ngata@example.com', 'Aroha', 'Ngāta', NULL, 'Marketing', 'employee', 'NZ', 'Wellington', '2026-01-02', NULL, NULL),
    ('1056', 'david.cohen@example.com', 'דוד', 'כהן', NULL, 'Engineering', 'employee', 'IL', 'תל אביב', '2026-01-12', NULL, NULL),
    ('1057', 'kwame.mensah@example.org', 'Kwame', 'Mensah', NULL, 'Operations', 'contractor', 'GH', 'Accra', '2026-02-02', '2099-12-31', NULL),
    ('1058', 'adaeze.nwosu@example.com', 'Adaeze', 'Nwosu', 'Ada', 'Sales', 'employee', 'NG', 'Abuja', '2026-03-02', NULL, NULL),
    ('1059', 'sunisa.wong@example.com', 'สุนิสา', 'วงศ์', NULL, 'Support', 'employee', 'TH', 'กรุงเทพฯ', '2026-03-02', NULL, NULL),
    ('1060', 'mate.szabo@example.net', 'Máté', 'Szabó', NULL, 'Engineering', 'contractor', 'HU', 'Debrecen', '2026-03-02', '2099-12-31', NULL),
    ('1061', 'eun.choi@example.com', '은', '최', NULL, 'Engineering', 'employee', 'KR', '대전', '2026-03-02', NULL, NULL),
    ('1062', 'rosa.delgado@example.com', 'Rosa', 'Delgado', NULL, 'Legal', 'employee', 'PE', 'Lima', '2026-03-03', NULL, NULL),

    -- Without a first day: to be asked for, except of the one who has left again.
    ('1063', 'sam.taylor@example.com', 'Sam', 'Taylor', NULL, 'Sales', 'employee', 'US', 'Denver', NULL, NULL, '2025-10-02 10:00+02'),
    ('1064', 'yusuf.kaya@example.com', 'Yusuf', 'Kaya', NULL, 'Engineering', 'employee', 'TR', 'Ankara', 'infinity', NULL, '2025-10-10 10:00+02'),
    ('1065', 'nora.lindqvist@example.com', 'Nora', 'Lindqvist', NULL, 'People', 'employee', 'SE', 'Lund', NULL, '2025-07-31', '2025-07-01 10:00+02')
)
INSERT INTO hr.employees (employee_number, work_email, first_name, last_name, preferred_name, department,
    employment_type, country, office, hire_date, termination_date, recorded_at, updated_at)
SELECT number, email, first, last, preferred, department, type, country, office, hired::date, left_on::date,
    least(touched::timestamptz, usual), coalesce(touched::timestamptz, usual)
FROM given,
    LATERAL (SELECT (hired::date - 21 + time '09:00') AT TIME ZONE 'Europe/Berlin' AS usual) AS three_weeks_before;

-- Entered late.
UPDATE hr.employees SET recorded_at = updated_at WHERE employee_number IN ('1026', '1033');
