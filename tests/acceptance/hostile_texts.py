"""What people type to break a page: the corpus of reliability R22, T23–T25, as far as names and labels go."""

from __future__ import annotations

_ZALGO_MARKS = "".join(chr(0x0300 + n) for n in range(0x30))

SCRIPTS = (
    "<script>window.__pwned=1</script>",
    "<img src=x onerror=window.__pwned=1>",
    '"><svg onload=window.__pwned=1>',
    "'><svg/onload='window.__pwned=1'>",
    "javascript:window.__pwned=1//",
    "<a href='javascript:window.__pwned=1' autofocus onfocus=window.__pwned=1>x",
    "<iframe srcdoc='<script>parent.__pwned=1</script>'>",
    "<details open ontoggle=window.__pwned=1>",
    "{{constructor.constructor('window.__pwned=1')()}}",
    "${window.__pwned=1}`;window.__pwned=1;//",
    "</textarea></title></style></script><script>window.__pwned=1</script>",
    "--><script>window.__pwned=1</script><!--",
    "&lt;script&gt;window.__pwned=1&lt;/script&gt;",
    "\\u003cscript\\u003ewindow.__pwned=1",
    "<template><img src=x onerror=window.__pwned=1></template>",
    "<hb-poll onclick=window.__pwned=1>",
    "<meta http-equiv=refresh content='0;url=//evil.example'>",
    "<base href=//evil.example/>",
    "<object data=//evil.example></object>",
    "<form action=//evil.example><button>",
)
STYLES = (
    "</style><style>*{display:none!important}",
    ";}html{background:url(//evil.example/x)}",
    "<link rel=stylesheet href=//evil.example/x.css>",
    "position:fixed;inset:0;z-index:99999",
    "var(--hb-plate)} :root{--hb-scale:99}",
    "url(javascript:window.__pwned=1)",
)
DIRECTIONS = (
    "\u202edrawkcab si siht\u202c",
    "\u2067\u2066\u2068never closed",
    "\u061c\u200f\u200eاختبار \u202d123",
    "مرحبا بالعالم هذه جملة طويلة جدا تكسر السطر في كل مكان",
    "שלום עולם 123 abc (שלום)",
    "Left\u202e thgiR\u202c",
)
TALL_AND_WIDE = (
    "Z" + _ZALGO_MARKS + "a" + _ZALGO_MARKS[:31],
    "กิ็็็็็็็็็็็็็็็็็็็็็" * 3,
    "W" * 80,
    "iiii" * 20,
    "Donaudampfschifffahrtselektrizitätenhauptbetriebswerkbauunterbeamtengesellschaft",
    "﷽" * 10,
    "𒐫" * 12,
    "𓀐𓂸" * 20,
    "꧅" * 12,
    "________________________________________________________________________________",
    "W" * 39 + "\u00ad" + "W" * 39,
    "a\u2060" * 40,
    "1" * 80,
    "漢字" * 40,
    "ＷＩＤＥ　ＬＥＴＴＥＲＳ　ＡＲＥ　ＷＩＤＥ　ＬＥＴＴＥＲＳ　ＡＲＥ　ＷＩＤＥ　ＬＥＴＴＥＲＳ",
)
EMOJI = (
    "👩‍👩‍👧‍👦" * 7,
    "🏳️‍🌈🏴‍☠️🧙🏽‍♀️🐉" * 3,
    "👨🏿‍🤝‍👨🏻" * 8,
    "🇩🇪🇫🇷🇨🇿🇯🇵" * 5,
    "😂" * 80,
    "1️⃣2️⃣3️⃣",
    "🏴󠁧󠁢󠁳󠁣󠁴󠁿 Scotland",
    "❤️‍🔥\ufe0f\ufe0f\ufe0f",
)
SEEMING_NOTHING = (
    "null",
    "undefined",
    "NaN",
    "[object Object]",
    "__proto__",
    "constructor",
    "hasOwnProperty",
    "true",
    "0",
    "-0",
    "1e309",
    "\u3164x",
    "x\u200b\u200c\u200d\ufeff",
    "\ufffdx",
    "\u00a0.\u00a0",
)
CODES = (
    '=HYPERLINK("http://evil.example","x")',
    "+1+cmd|' /C calc'!A0",
    "@SUM(1+1)",
    "'; DROP TABLE polls; --",
    "' OR 1=1 --",
    "$1 $2 %s %(x)s {0} {x}",
    "../../../../etc/passwd",
    "\\x1b[31mred",
    '{"op":"bye","code":4401}',
    "🤖\u2028window.__pwned=1//",
)

ALL = (*SCRIPTS, *STYLES, *DIRECTIONS, *TALL_AND_WIDE, *EMOJI, *SEEMING_NOTHING, *CODES)
#: Holds nothing visible, or a control character: not to be taken at all.
REFUSED = (
    "",
    " ",
    "\t\n",
    "\u200b",
    "\u3000",
    "\u202e\u202c",
    "a\x00b",
    "a\x1b[31mb",
    "a\x7fb",
    "\ue000" * 81,
    "x" * 81,
)
