/// ISO 3166-1 alpha-3, the codes that ICAO Doc 9303 part 3 section 5 adds to it (Germany's single letter,
/// British nationalities, the United Nations, organisations, statelessness, the specimen state), `INP` as it
/// stands on early Interpol passports, and codes withdrawn since 1990 that documents may still carry.
const CODES: &str = "\
ABW AFG AGO AIA ALA ALB AND ARE ARG ARM ASM ATA ATF ATG AUS AUT AZE BDI BEL BEN BES BFA BGD BGR BHR BHS BIH BLM \
BLR BLZ BMU BOL BRA BRB BRN BTN BVT BWA CAF CAN CCK CHE CHL CHN CIV CMR COD COG COK COL COM CPV CRI CUB CUW CXR \
CYM CYP CZE DEU DJI DMA DNK DOM DZA ECU EGY ERI ESH ESP EST ETH FIN FJI FLK FRA FRO FSM GAB GBR GEO GGY GHA GIB \
GIN GLP GMB GNB GNQ GRC GRD GRL GTM GUF GUM GUY HKG HMD HND HRV HTI HUN IDN IMN IND IOT IRL IRN IRQ ISL ISR ITA \
JAM JEY JOR JPN KAZ KEN KGZ KHM KIR KNA KOR KWT LAO LBN LBR LBY LCA LIE LKA LSO LTU LUX LVA MAC MAF MAR MCO MDA \
MDG MDV MEX MHL MKD MLI MLT MMR MNE MNG MNP MOZ MRT MSR MTQ MUS MWI MYS MYT NAM NCL NER NFK NGA NIC NIU NLD NOR \
NPL NRU NZL OMN PAK PAN PCN PER PHL PLW PNG POL PRI PRK PRT PRY PSE PYF QAT REU ROU RUS RWA SAU SDN SEN SGP SGS \
SHN SJM SLB SLE SLV SMR SOM SPM SRB SSD STP SUR SVK SVN SWE SWZ SXM SYC SYR TCA TCD TGO THA TJK TKL TKM TLS TON \
TTO TUN TUR TUV TWN TZA UGA UKR UMI URY USA UZB VAT VCT VEN VGB VIR VNM VUT WLF WSM YEM ZAF ZMB ZWE \
D EUE GBD GBN GBO GBP GBS RKS UNA UNK UNO UTO \
IAO XAA XBA XCC XCE XCO XDC XEC XES XIM XMP XOM XPO XXA XXB XXC XXX INP \
ANT NTZ SCG SUN TMP YUG ZAR";

/// Whether `code` is an issuing state, organisation or nationality of ICAO Doc 9303; without fillers.
pub(crate) fn is_known(code: &str) -> bool {
    !code.is_empty() && CODES.split(' ').any(|known| known == code)
}

#[cfg(test)]
mod tests {
    use super::is_known;

    #[test]
    fn one_letter_and_special_codes_are_known_and_letter_salad_is_not() {
        for code in ["D", "UTO", "XXA", "UNO", "INP", "XPO", "VNM", "GBN"] {
            assert!(is_known(code), "{code}");
        }
        for code in ["", "UT0", "DEV", "D<<", "d", "ABW AFG", " "] {
            assert!(!is_known(code), "{code}");
        }
    }
}
