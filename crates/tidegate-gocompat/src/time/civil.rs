//! The Gregorian calendar, extended to all years.

/// Seconds in a day without leap seconds, which neither Go nor Unix count.
pub(super) const SECONDS_PER_DAY: i64 = 86_400;

const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];

const WEEKDAYS: [&str; 7] = [
    "Sunday",
    "Monday",
    "Tuesday",
    "Wednesday",
    "Thursday",
    "Friday",
    "Saturday",
];

/// What a clock and a calendar show.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Civil {
    /// The year; 0 is the year before 1.
    pub year: i64,
    /// 1 ..= 12; other values carry over when an instant is made of it.
    pub month: i64,
    /// 1 ..= 31; other values carry over.
    pub day: i64,
    /// 0 ..= 23; other values carry over.
    pub hour: i64,
    /// 0 ..= 59; other values carry over.
    pub minute: i64,
    /// 0 ..= 59; other values carry over.
    pub second: i64,
    /// 0 ..= 999,999,999; other values carry over.
    pub nanosecond: i64,
}

/// The English name of a month, 1 ..= 12; Go's `%!Month(13)` for others.
pub fn month_name(month: i64) -> String {
    name_of(&MONTHS, month.saturating_sub(1)).unwrap_or_else(|| format!("%!Month({month})"))
}

/// The English name of a day of the week, 0 (Sunday) ..= 6; Go's `%!Weekday(7)` for others.
pub fn weekday_name(weekday: i64) -> String {
    name_of(&WEEKDAYS, weekday).unwrap_or_else(|| format!("%!Weekday({weekday})"))
}

fn name_of(names: &[&str], index: i64) -> Option<String> {
    let index = usize::try_from(index).ok()?;
    names.get(index).map(|name| (*name).to_owned())
}

impl Civil {
    /// What a clock shows `shown` seconds after its 1970-01-01 00:00:00.
    pub(super) fn of_seconds_shown(shown: i64, nanosecond: i64) -> Self {
        let days = shown.div_euclid(SECONDS_PER_DAY);
        let second_of_day = shown.rem_euclid(SECONDS_PER_DAY);
        let (year, month, day) = date_of_days(days);
        Self {
            year,
            month,
            day,
            hour: second_of_day / 3_600,
            minute: second_of_day / 60 % 60,
            second: second_of_day % 60,
            nanosecond,
        }
    }

    /// Seconds from 1970-01-01 00:00:00 on the same clock, nanoseconds aside.
    pub(super) fn seconds_shown(&self) -> i64 {
        let month = self.month.saturating_sub(1);
        let year = self.year.saturating_add(month.div_euclid(12));
        let days = days_of_date(year, month.rem_euclid(12) + 1)
            .saturating_add(self.day)
            .saturating_sub(1);
        days.saturating_mul(SECONDS_PER_DAY)
            .saturating_add(self.hour.saturating_mul(3_600))
            .saturating_add(self.minute.saturating_mul(60))
            .saturating_add(self.second)
    }

    /// The day of the week, 0 is Sunday.
    pub fn weekday(&self) -> i64 {
        // 1970-01-01 was a Thursday.
        (self.seconds_shown().div_euclid(SECONDS_PER_DAY) + 4).rem_euclid(7)
    }

    /// The day of the year, 1 ..= 366.
    pub fn year_day(&self) -> i64 {
        days_of_date(self.year, self.month) - days_of_date(self.year, 1) + self.day
    }
}

/// Days in a month, 1 ..= 12.
pub(super) fn days_in_month(year: i64, month: i64) -> i64 {
    let (next_year, next_month) = if month == 12 {
        (year.saturating_add(1), 1)
    } else {
        (year, month + 1)
    };
    days_of_date(next_year, next_month) - days_of_date(year, month)
}

/// Days from 1970-01-01 to the first of a month (1 ..= 12).
fn days_of_date(year: i64, month: i64) -> i64 {
    // Years begin in March, so that the leap day is the last one; 400 years have 146,097 days.
    let year = if month <= 2 {
        year.saturating_sub(1)
    } else {
        year
    };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    // 719,468 days lie between 0000-03-01 and 1970-01-01.
    era.saturating_mul(146_097)
        .saturating_add(day_of_era)
        .saturating_sub(719_468)
}

/// The date so many days after 1970-01-01: the inverse of [`days_of_date`].
fn date_of_days(days: i64) -> (i64, i64, i64) {
    let days = days.saturating_add(719_468);
    let era = days.div_euclid(146_097);
    let day_of_era = days.rem_euclid(146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = (month_from_march + 2) % 12 + 1;
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    (year, month, day)
}
