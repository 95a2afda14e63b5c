import Foundation

// Text as CLIP's tokenizer wants it: what ftfy 6 mends, single spaces, lower case.
//
// Of ftfy's default fixes all but one are here: text that was decoded with the wrong encoding
// ("cafÃ©") stays as it is, for that repair is a statistical model of its own. Of HTML's named
// entities those of HTML 4 are known.

/// The text that CLIP's words are cut from.
func cleanedForCLIP(_ text: String) -> String {
    var fixed = String.UnicodeScalarView()
    var unescapes = true
    for line in text.unicodeScalars.split(separator: "\n", omittingEmptySubsequences: false) {
        // A "<" may be markup, and then what looks escaped may be meant so.
        unescapes = unescapes && !line.contains("<")
        if !fixed.isEmpty { fixed.append(" ") }
        fixed.append(contentsOf: TextRepair.fix(String(line), unescapes: unescapes).unicodeScalars)
    }
    var words: [String] = []
    for word in fixed.split(whereSeparator: \.properties.isWhitespace) {
        words.append(lowerCased(word))
    }
    return words.joined(separator: " ")
}

/// Lower case by Unicode's full mapping, a sigma at the end of a word included.
private func lowerCased(_ word: Substring.UnicodeScalarView) -> String {
    let scalars = Array(word)
    var result = ""
    for (index, scalar) in scalars.enumerated() {
        guard scalar == "\u{3A3}" else {
            result += scalar.properties.lowercaseMapping
            continue
        }
        let before = scalars[..<index].last { !$0.properties.isCaseIgnorable }
        let after = scalars[(index + 1)...].first { !$0.properties.isCaseIgnorable }
        let isFinal = before?.properties.isCased ?? false && !(after?.properties.isCased ?? false)
        result += isFinal ? "\u{3C2}" : "\u{3C3}"
    }
    return result
}

/// ftfy's fixes, in its order, again and again until nothing changes.
private enum TextRepair {
    static func fix(_ line: String, unescapes: Bool) -> String {
        // Every printable ASCII line without an entity is sound already.
        if line.utf8.allSatisfy({ (0x20...0x7E).contains($0) && $0 != 0x26 }) { return line }
        var text = line
        while true {
            let before = text
            if unescapes { text = HTMLEntities.unescaped(text) }
            var scalars = String.UnicodeScalarView()
            for scalar in text.unicodeScalars { scalars.append(contentsOf: replacement(scalar)) }
            scalars = withoutTerminalEscapes(scalars)
            scalars.removeAll(where: isControl)
            text = String(scalars).precomposedStringWithCanonicalMapping
            if text.utf8.elementsEqual(before.utf8) { return text }
        }
    }

    /// C1 controls as Windows wrote them, ligatures, character widths, quotes, line breaks.
    private static func replacement(_ scalar: Unicode.Scalar) -> String.UnicodeScalarView {
        switch scalar.value {
        case 0x80...0x9F: String(windows1252[Int(scalar.value) - 0x80]).unicodeScalars
        case 0xFF01...0xFFEF:
            String(scalar).precomposedStringWithCompatibilityMapping.unicodeScalars
        case 0x3000: " ".unicodeScalars
        case 0x2BC, 0x2018...0x201B: "'".unicodeScalars
        case 0x201C...0x201F: "\"".unicodeScalars
        case 0x0D, 0x2028, 0x2029: "\n".unicodeScalars
        default: (ligatures[scalar] ?? String(scalar)).unicodeScalars
        }
    }

    static let windows1252: [Unicode.Scalar] = Array(
        ("\u{20AC}\u{81}\u{201A}\u{192}\u{201E}\u{2026}\u{2020}\u{2021}\u{2C6}\u{2030}\u{160}"
            + "\u{2039}\u{152}\u{8D}\u{17D}\u{8F}\u{90}\u{2018}\u{2019}\u{201C}\u{201D}\u{2022}"
            + "\u{2013}\u{2014}\u{2DC}\u{2122}\u{161}\u{203A}\u{153}\u{9D}\u{17E}\u{178}")
            .unicodeScalars)

    private static let ligatures: [Unicode.Scalar: String] = [
        "\u{132}": "IJ", "\u{133}": "ij", "\u{149}": "\u{2BC}n", "\u{1F1}": "DZ",
        "\u{1F2}": "Dz", "\u{1F3}": "dz", "\u{1C4}": "D\u{17D}", "\u{1C5}": "D\u{17E}",
        "\u{1C6}": "d\u{17E}", "\u{1C7}": "LJ", "\u{1C8}": "Lj", "\u{1C9}": "lj",
        "\u{1CA}": "NJ", "\u{1CB}": "Nj", "\u{1CC}": "nj", "\u{FB00}": "ff", "\u{FB01}": "fi",
        "\u{FB02}": "fl", "\u{FB03}": "ffi", "\u{FB04}": "ffl", "\u{FB05}": "\u{17F}t",
        "\u{FB06}": "st",
    ]

    private static func isControl(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.value {
        case 0x00...0x08, 0x0B, 0x0E...0x1F, 0x7F, 0x206A...0x206F, 0xFEFF, 0xFFF9...0xFFFC: true
        default: false
        }
    }

    /// Without `ESC [ digits and semicolons letter`.
    private static func withoutTerminalEscapes(
        _ text: String.UnicodeScalarView
    ) -> String.UnicodeScalarView {
        guard text.contains("\u{1B}") else { return text }
        let scalars = Array(text)
        var result = String.UnicodeScalarView()
        var index = 0
        while index < scalars.count {
            if scalars[index] == "\u{1B}", index + 1 < scalars.count, scalars[index + 1] == "[" {
                let end = scalars[(index + 2)...].firstIndex {
                    $0 != ";" && $0.properties.generalCategory != .decimalNumber
                }
                if let end, scalars[end].isASCII, scalars[end].properties.isAlphabetic {
                    index = end + 1
                    continue
                }
            }
            result.append(scalars[index])
            index += 1
        }
        return result
    }
}

/// HTML's character references that end in a semicolon.
private enum HTMLEntities {
    static func unescaped(_ text: String) -> String {
        guard text.utf8.contains(0x26) else { return text }
        let scalars = Array(text.unicodeScalars)
        var result = String.UnicodeScalarView()
        var index = 0
        while index < scalars.count {
            if scalars[index] == "&",
                let end = scalars[(index + 1)...].prefix(26).firstIndex(of: ";"),
                let value = value(of: scalars[(index + 1)..<end])
            {
                result.append(contentsOf: value.unicodeScalars)
                index = end + 1
            } else {
                result.append(scalars[index])
                index += 1
            }
        }
        return String(result)
    }

    private static func value(of reference: ArraySlice<Unicode.Scalar>) -> String? {
        var name = String.UnicodeScalarView()
        name.append(contentsOf: reference)
        if reference.first == "#" { return number(String(name).dropFirst()) }
        if let scalar = named[String(name)] { return String(scalar) }
        // ftfy's guess for names in capitals, "P&EACUTE;REZ".
        let lower = String(name).lowercased()
        guard String(name) == lower.uppercased(), let scalar = named[lower] else { return nil }
        return scalar.properties.uppercaseMapping
    }

    private static func number(_ digits: Substring) -> String? {
        guard digits.utf8.allSatisfy({ $0 != 0x2B && $0 != 0x2D }) else { return nil }
        let isHex = digits.first == "x" || digits.first == "X"
        let text = isHex ? digits.dropFirst() : digits
        guard !text.isEmpty, text.allSatisfy({ isHex ? $0.isHexDigit : $0.isWholeNumber }) else {
            return nil
        }
        // More digits than fit are past the last character too.
        let value = UInt32(text, radix: isHex ? 16 : 10) ?? .max
        switch value {
        case 0: return "\u{FFFD}"
        case 0x80...0x9F: return String(TextRepair.windows1252[Int(value) - 0x80])
        case 1...8, 0x0B, 0x0E...0x1F, 0x7F, 0xFDD0...0xFDEF: return ""
        case _ where value <= 0x10FFFF && value & 0xFFFE == 0xFFFE: return ""
        default: return Unicode.Scalar(value).map { String($0) } ?? "\u{FFFD}"
        }
    }

    private static let named: [String: Unicode.Scalar] = {
        var named: [String: Unicode.Scalar] = [:]
        for (index, name) in latin.split(whereSeparator: \.isWhitespace).enumerated() {
            named[String(name)] = Unicode.Scalar(UInt8(160 + index))
        }
        for entry in others.split(whereSeparator: \.isWhitespace) {
            let parts = entry.split(separator: "=")
            if parts.count == 2, let value = UInt32(parts[1], radix: 16) {
                named[String(parts[0])] = Unicode.Scalar(value)
            }
        }
        return named
    }()

    /// U+00A0 to U+00FF.
    private static let latin = """
        nbsp iexcl cent pound curren yen brvbar sect uml copy ordf laquo not shy reg macr deg
        plusmn sup2 sup3 acute micro para middot cedil sup1 ordm raquo frac14 frac12 frac34
        iquest Agrave Aacute Acirc Atilde Auml Aring AElig Ccedil Egrave Eacute Ecirc Euml
        Igrave Iacute Icirc Iuml ETH Ntilde Ograve Oacute Ocirc Otilde Ouml times Oslash Ugrave
        Uacute Ucirc Uuml Yacute THORN szlig agrave aacute acirc atilde auml aring aelig ccedil
        egrave eacute ecirc euml igrave iacute icirc iuml eth ntilde ograve oacute ocirc otilde
        ouml divide oslash ugrave uacute ucirc uuml yacute thorn yuml
        """

    private static let others = """
        Alpha=391 Beta=392 Chi=3A7 Dagger=2021 Delta=394 Epsilon=395 Eta=397 Gamma=393 Iota=399
        Kappa=39A Lambda=39B Mu=39C Nu=39D OElig=152 Omega=3A9 Omicron=39F Phi=3A6 Pi=3A0
        Prime=2033 Psi=3A8 Rho=3A1 Scaron=160 Sigma=3A3 Tau=3A4 Theta=398 Upsilon=3A5 Xi=39E
        Yuml=178 Zeta=396 alefsym=2135 alpha=3B1 amp=26 and=2227 ang=2220 apos=27 asymp=2248
        bdquo=201E beta=3B2 bull=2022 cap=2229 chi=3C7 circ=2C6 clubs=2663 cong=2245 crarr=21B5
        cup=222A dArr=21D3 dagger=2020 darr=2193 delta=3B4 diams=2666 empty=2205 emsp=2003
        ensp=2002 epsilon=3B5 equiv=2261 eta=3B7 euro=20AC exist=2203 fnof=192 forall=2200
        frasl=2044 gamma=3B3 ge=2265 gt=3E hArr=21D4 harr=2194 hearts=2665 hellip=2026
        image=2111 infin=221E int=222B iota=3B9 isin=2208 kappa=3BA lArr=21D0 lambda=3BB
        lang=27E8 larr=2190 lceil=2308 ldquo=201C le=2264 lfloor=230A lowast=2217 loz=25CA
        lrm=200E lsaquo=2039 lsquo=2018 lt=3C mdash=2014 minus=2212 mu=3BC nabla=2207 ndash=2013
        ne=2260 ni=220B notin=2209 nsub=2284 nu=3BD oelig=153 oline=203E omega=3C9 omicron=3BF
        oplus=2295 or=2228 otimes=2297 part=2202 permil=2030 perp=22A5 phi=3C6 pi=3C0 piv=3D6
        prime=2032 prod=220F prop=221D psi=3C8 quot=22 rArr=21D2 radic=221A rang=27E9 rarr=2192
        rceil=2309 rdquo=201D real=211C rfloor=230B rho=3C1 rlm=200F rsaquo=203A rsquo=2019
        sbquo=201A scaron=161 sdot=22C5 sigma=3C3 sigmaf=3C2 sim=223C spades=2660 sub=2282
        sube=2286 sum=2211 sup=2283 supe=2287 tau=3C4 there4=2234 theta=3B8 thetasym=3D1
        thinsp=2009 tilde=2DC trade=2122 uArr=21D1 uarr=2191 upsih=3D2 upsilon=3C5 weierp=2118
        xi=3BE zeta=3B6 zwj=200D zwnj=200C
        """
}
