"""Texts in the legacy encodings of their languages are read right."""

import unicodedata

import pytest

from charlstm.text.encodings import CERTAIN, GUESSED, detect_legacy_encoding

TEXTS = {  # language: (encodings, prose, names)
    "Spanish": (
        "latin-1 cp1252 iso8859_15 mac_roman cp850",
        "¿Dónde está el jardín? ¡Qué lástima!",
        "Peña Muñoz José María Núñez Ramírez Martínez Gómez Andrés Inés Begoña Íñigo Óscar Lucía Sofía "
        "Ibáñez Álvarez Rodríguez Ángel Jesús",
    ),
    "Portuguese": (
        "latin-1 cp1252 iso8859_15 cp850 mac_roman",
        "Não há solução sem atenção: a canção do coração português é uma lição de emoção. Amanhã às três "
        "horas, o irmão comprará pão e maçãs.",
        "João Conceição Gonçalves Simão Magalhães Guimarães Inês Fabrício Antônio Mônica Luís Estêvão "
        "Sebastião Lourenço Assunção Brandão Leitão Falcão Patrícia Júlio",
    ),
    "French": (
        "latin-1 cp1252 iso8859_15 mac_roman cp850",
        "Le garçon a reçu une lettre de sa mère à Noël; où êtes-vous allés hier après-midi? Ça ne me "
        "plaît guère, répondit-elle déçue.",
        "François Hélène Éric Benoît Chloé Gaël Zoé Jérôme Désirée Anaïs Loïc Françoise Rémi Aurélie "
        "Stéphane Cécile Noël Agnès Valérie Frédéric",
    ),
    "German": (
        "latin-1 cp1252 iso8859_15 cp850 mac_roman",
        "Der Wächter hörte plötzlich ein Geräusch, öffnete müde die Tür und grüßte die schöne Königin, "
        "die draußen stand. Übung macht den Meister.",
        "Müller Schäfer Köhler Günther Jürgen Björn Größmann Böhm Krüger Weiß Schröder König Vögele "
        "Förster Jäger Ötzi Ämilie Grüner Häußler Löwe",
    ),
    "Swedish": (
        "latin-1 cp1252 iso8859_15 cp850 mac_roman",
        "Båten låg vid ån och fågeln sjöng på grenen; på kvällen åt vi ärtsoppa och pannkakor. Går du "
        "över bron når du själva stan.",
        "Åsa Örjan Björn Göran Märta Åke Håkan Sjöberg Öberg Ström Måns Pär Gösta Ängel Lång Sjögren "
        "Åström Hägg Växjö Östen",
    ),
    "Danish": (
        "latin-1 cp1252 iso8859_15 cp850 mac_roman",
        "På øen boede en gammel mand, der hver aften gik ned til åen for at se på bådene. Æblet faldt på græsset.",
        "Søren Jørgen Åse Bjørn Kræn Ærø Østergård Møller Kjær Nørgaard Sørensen Håkon Øjvind Bæk Gård "
        "Lærke Rønne Åge Præst Skov",
    ),
    "Norwegian": (
        "latin-1 cp1252 cp850",
        "Gutten gikk på ski over fjellet mens snøen føyk; å være på hytta er det beste jeg vet. Så kjørte de hjem.",
        "Øystein Håkon Bjørn Pål Ståle Åse Jørn Vågå Bodø Tromsø Kåre Ærlig Øyvind Sølvi Målfrid Frøya Ås"
        " Lærdal Bærum Sør",
    ),
    "Finnish": (
        "latin-1 cp1252 iso8859_15 mac_roman cp850",
        "Pöydällä oli lämmintä leipää ja hyvää öljyä; yöllä satoi vettä ja äiti heräsi ääneen. Hän käveli"
        " metsässä pitkään.",
        "Väinö Päivi Yrjö Töölö Jyväskylä Hämäläinen Mäkinen Äänekoski Öhman Kärkkäinen Lähteenmäki Tölö "
        "Seppälä Mäkelä Jääskeläinen Pöyry Hyvärinen Räikkönen Selänne Häkkinen",
    ),
    "Icelandic": (
        "latin-1 cp1252",
        "Það var einu sinni stúlka sem átti hest; hún reið yfir ána og þaðan í átt að fjallinu. Þetta er góð saga.",
        "Þór Guðrún Ásgeir Sigríður Björk Jón Ólafur Þórunn Ævar Örn Hörður Gísli Íris Úlfur Ágúst "
        "Einarsdóttir Sigurðsson Ragnheiður Bjarni Þorsteinn",
    ),
    "Italian": (
        "latin-1 cp1252 iso8859_15 cp850",
        "Perché non è più così? La città era già al buio, e lui andò giù verso il caffè con felicità.",
        "Niccolò Nicolò Forlì Cantù Cefalù Josè Mosè Noè Frà Libertà Trinità Fabrizio Bontà Carità Virtù "
        "Salò Rosarò Donà Alà Nardò",
    ),
    "Dutch": (
        "latin-1 cp1252",
        "België en Italië zijn geïnteresseerd; hij zei één keer dat de coördinatie slecht was. De reünie "
        "vóór het café.",
        "België Daniël Zoë Renée Noël Anaïs Joëlle Raphaël Michaël Gabriël Esmée Desiré José Cécile "
        "Thérèse René Chloë Loïs Naïma Aimée",
    ),
    "Polish": (
        "cp1250 iso8859_2 cp852",
        "Zażółć gęślą jaźń: chłopiec zjadł ciastko, a dziewczyna śpiewała piosenkę o miłości. Dzień był "
        "piękny, choć mroźny.",
        "Łukasz Małgorzata Stanisław Michał Paweł Bożena Zbigniew Wałęsa Dąbrowski Wójcik Kamiński "
        "Zieliński Szymański Woźniak Kozłowski Jabłoński Krawczyk Król Wróbel Pawłowski",
    ),
    "Czech": (
        "cp1250 iso8859_2 cp852",
        "Příliš žluťoučký kůň úpěl ďábelské ódy; děvče šlo přes řeku a zpívalo písničku. Večer jsme pili "
        "čaj a četli knížky.",
        "Jiří Tomáš Lukáš Ondřej Dvořák Novák Černý Procházka Kučera Veselý Horák Němec Pokorný Marek "
        "Růžička Beneš Fiala Sedláček Doležal Zeman",
    ),
    "Slovak": (
        "cp1250 iso8859_2",
        "Vtáčik spieval na konári a mačka ho ticho sledovala; potom začalo pršať. Čierny kôň bežal cez lúku.",
        "Ľubomír Štefan Juraj Kováč Horváth Varga Tóth Nagy Baláž Molnár Szabó Lukáč Ľudovít Žofia Zuzana"
        " Božena Jozef Pavol Žigmund Lýdia",
    ),
    "Hungarian": (
        "cp1250 iso8859_2 cp852",
        "Árvíztűrő tükörfúrógép: a fiú elment az erdőbe, ahol gombát és gyümölcsöt szedett. Később hűvös eső esett.",
        "Győző Ákos László György István Gergő Zoltán Kovács Szabó Tóth Horváth Kiss Nagy Molnár Németh "
        "Farkas Balogh Papp Takács Juhász",
    ),
    "Romanian": (
        "cp1250 iso8859_2 iso8859_16",
        "Băiatul a mâncat două mere şi apoi a plecat în oraş; fata cântă încet.",
        "Ştefan Ioniţă Crăciun Mureşan Ţiriac Năstase Brâncuşi Vlăduţ Mihăilescu Moţ Păun Bălan Dănuţ "
        "Ilinca Rădulescu Cioară Mătăsaru Sălăgean Ţeposu Grigoraş",
    ),
    "Croatian": (
        "cp1250 iso8859_2 cp852",
        "Dječak je išao kroz šumu i našao žutu pticu; zatim je počela jaka kiša. Čovjek je ušao u kuću.",
        "Željko Krešimir Đurđica Ivković Horvat Kovačević Babić Marić Jurić Novak Vuković Šarić Tomić "
        "Matić Pavlović Žarko Šime Ćosić Đuro Blažević",
    ),
    "Turkish": (
        "cp1254 iso8859_9 cp857",
        "Çocuk bahçede oynuyordu; annesi ona sıcak çay ve börek getirdi. Işık söndü, ağaçların gölgesi "
        "uzadı, kuş öttü.",
        "Gülşen Çağlar Özgür İbrahim Şükrü Yıldız Ayşe Uğur Işıl Güneş Tuğba Çiğdem Sıla Doğan Oğuz Şahin"
        " Yılmaz Öztürk Kılıç Aydın",
    ),
    "Lithuanian": (
        "cp1257 iso8859_13 iso8859_4",
        "Vaikas žaidė kieme, o jo močiutė kepė skanų pyragą; vakare pradėjo lyti. Šuo bėgo per pievą ieškodamas katės.",
        "Jonaitė Kęstutis Žygimantas Ąžuolas Šarūnas Česlovas Ūla Živilė Rūta Jūratė Mindaugaitė "
        "Vaičiūnas Kazlauskas Žukauskas Petrauskienė Butkevičius Šimkus Ėmužis Gražina Bružas",
    ),
    "Latvian": (
        "cp1257 iso8859_13",
        "Bērns spēlējās pagalmā; vecāmāte cepa garšīgu kūku. Vakarā sāka līt un kļuva auksts.",
        "Jānis Pēteris Kārlis Anniņa Ķekava Bērziņš Kalniņš Ozoliņš Ļermontovs Šķēle Zariņš Liepiņa "
        "Krūmiņa Vītols Āboliņš Ģirts Ūdris Žanis Čaks Īve",
    ),
    "Estonian": (
        "cp1257 iso8859_15 latin-1",
        "Külas elas vanaema, kes õpetas lapsi; õhtul süüdati küünlad ja räägiti jutte. Täna öösel oli külm.",
        "Jüri Tõnu Ülle Mäe Sööt Põder Kõiv Rüütel Õnne Lõhmus Pärn Käärik Väljas Tõnis Külli Mägi Kukk "
        "Sõerd Jõgi Öpik",
    ),
    "Russian": (
        "cp1251 koi8_r cp866 iso8859_5 mac_cyrillic",
        "Мальчик шёл по лесу и пел песню; потом начался дождь, и он побежал домой. Вечером бабушка "
        "рассказывала сказки.",
        "Иванов Пётр Анна Сергей Ольга Юрий Евгений Щербаков Жукова Ширяев Цветаева Эдуард Яковлев Быков "
        "Фёдор Хрущёв Чехов Ёлкин Зоя Лермонтов",
    ),
    "Ukrainian": (
        "cp1251 koi8_u",
        "Хлопчик ішов лісом і співав пісню; потім почався дощ, і він побіг додому. Їжак знайшов яблуко.",
        "Їжакевич Євген Іванна Ґалаґан Олексій Сергій Юлія Шевченко Кравчук Бондаренко Ткаченко Коваленко"
        " Лисенко Гнатюк Мельник Поліщук Яворівський Марія Наталія Андрій",
    ),
    "Bulgarian": (
        "cp1251 iso8859_5",
        "Момчето вървеше през гората и пееше песен; после заваля дъжд и то се затича към къщи. Вечерта "
        "баба разказваше приказки.",
        "Георги Иван Димитър Мария Стоян Петър Йордан Христо Пенка Цветан Живко Велизар Ангел Тодор "
        "Румяна Ваньо Щерю Юлиан Ясен Кръстьо",
    ),
    "Greek": (
        "cp1253 iso8859_7",
        "Το παιδί περπατούσε στο δάσος και τραγουδούσε. Ύστερα άρχισε η βροχή.",
        "Γιώργος Μαρία Κώστας Ελένη Δημήτρης Γιάννης Αθηνά Παναγιώτης Σοφία Νίκος Κατερίνα Βασίλης "
        "Αγγελική Χρήστος Ιωάννα Θανάσης Ευγενία Όμηρος Ύδρα Άρης",
    ),
    "Hebrew": (
        "cp1255 iso8859_8",
        "הילד הלך ביער ושר שיר; אחר כך ירד גשם והוא רץ הביתה. בערב סיפרה סבתא סיפורים.",
        "משה דוד שרה רחל יעקב אברהם לאה מרים יוסף שלמה נעמי רות אסתר דניאל מיכאל גבריאל חנה תמר אורי נועה",
    ),
    "Arabic": (
        "cp1256 iso8859_6",
        "كان الولد يمشي في الغابة ويغني أغنية، ثم بدأ المطر فركض إلى البيت. في المساء روت الجدة قصصا جميلة للأطفال.",
        "محمد أحمد فاطمة علي حسن زينب خالد مريم يوسف إبراهيم عائشة عمر ليلى سعيد نورة كريم سلمى طارق هدى عبدالله",
    ),
    "Thai": (
        "cp874",
        "เด็กชายเดินเข้าไปในป่าและร้องเพลง แล้วฝนก็ตก เขาจึงวิ่งกลับบ้าน",
        "สมชาย สมหญิง ประเสริฐ วิชัย มานี มานะ ปิติ ชูใจ สุดา กมล อรทัย นภา ดวงใจ บุญมี ทองดี แสงดาว ไพลิน เพชร จันทร์ อาทิตย์",
    ),
    "Vietnamese": (
        "cp1258",
        "Cậu bé đi trong rừng và hát một bài; sau đó trời mưa.",
        "Nguyễn Trần Lê Phạm Huỳnh Hoàng Phan Vũ Võ Đặng Bùi Đỗ Hồ Ngô Dương Lý Thảo Hùng Dũng Hạnh",
    ),
    "Japanese": (
        "cp932 euc_jp iso2022_jp",
        "少年は森の中を歩きながら歌を歌った。それから雨が降り始め、彼は家へ走って帰った。夜、祖母は昔話をしてくれた。",
        "佐藤 鈴木 高橋 田中 渡辺 伊藤 山本 中村 小林 加藤 さくら ひなた タロウ ハナコ 吉田 山田 佐々木 山口 松本 井上",
    ),
    "traditional Chinese": (
        "gb18030 big5",
        "少年走在森林裡唱著歌,後來下起了雨,他便跑回家。晚上祖母講了很多故事給孩子們聽,"
        "大家都很高興。第二天早上,太陽出來了,鳥兒在樹上唱歌。",
        "王小明 李大偉 張美麗 陳志強 林小芳 黃國華 吳淑芬 劉建宏 周雅婷 許家豪",
    ),
    "simplified Chinese": (
        "gb18030",
        "少年走在森林里唱着歌,后来下起了雨,他便跑回家。晚上祖母讲了很多故事给孩子们听,"
        "大家都很高兴。第二天早上,太阳出来了,鸟儿在树上唱歌。",
        "王伟 李娜 张敏 刘洋 陈静 杨丽 赵强 黄磊 吴军 徐明",
    ),
    "Korean": (
        "cp949 euc_kr",
        "소년은 숲속을 걸으며 노래를 불렀다. 그러다 비가 내리기 시작해서 집으로 달려갔다. "
        "저녁에 할머니가 옛날이야기를 들려주었다.",
        "김철수 이영희 박지민 최민수 정우진 강하늘 조은영 윤서연 장현우 한가영",
    ),
    "Irish": (
        "latin-1 cp1252",
        "Bhí an buachaill ag siúl sa choill agus é ag canadh amhráin.",
        "Seán Máire Pádraig Síle Éamon Róisín Ó_Súilleabháin Ní_Bhriain Cáit Bríd Dónal Tomás Úna Ciarán "
        "Órla Áine Séamas Mícheál Nóra Déaglán",
    ),
    "Catalan": (
        "latin-1 cp1252",
        "El nen caminava pel bosc i cantava una cançó; després va començar a ploure i va córrer cap a "
        "casa. Això és així.",
        "Jordi Núria Àngels Òscar Mònica Lluís Martí Roser Agustí Francesc Mercè Ramón Climent Eulàlia "
        "Montserrat Josep Gaudí Dalí Miró Casals",
    ),
    "Albanian": (
        "latin-1 cp1252",
        "Djali ecte në pyll dhe këndonte një këngë; pastaj filloi shiu dhe ai vrapoi në shtëpi.",
        "Çelë Besnik Shpëtim Arbër Dëshira Gëzim Lumë Rrëza Vjollcë Flutur Ilirë Drilë Zhanë Bardhë Agrë "
        "Pranverë Kaçorri Çabej Gjergj Shkëlqim",
    ),
}
CASES = [(language, encoding) for language, (encodings, _, _) in TEXTS.items() for encoding in encodings.split()]


def encoded(text, encoding):
    """Return the bytes of a text, decomposed where the encoding wants that, and without what it lacks."""
    text = unicodedata.normalize("NFD", text) if encoding == "cp1258" else text
    return text.encode(encoding, "ignore")


def reads_right(content, encoding):
    detected = detect_legacy_encoding(content)
    return detected is not None and content.decode(detected.name) == content.decode(encoding)


@pytest.mark.parametrize(("language", "encoding"), CASES)
def test_prose_is_read_right(language, encoding):
    _, prose, _ = TEXTS[language]
    assert reads_right(encoded(prose, encoding), encoding)
    assert reads_right(encoded(f"{prose}\n" * 30, encoding), encoding)


@pytest.mark.parametrize(("language", "encoding"), CASES)
def test_names_are_read_right(language, encoding):
    names = TEXTS[language][2].replace(" ", "\n").replace("_", " ")
    assert reads_right(encoded(names, encoding), encoding)


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        ("Un œuf coûte 2 €, le cœur déçu.", "iso8859-15"),
        ("1½ cups of crème fraîche at 20°", "cp1252"),
        ("Ŝi ĉiam manĝas ĵaŭde; ŝia frato aĉetas panon.", "iso8859-3"),
        ("GRÜSSE AUS KÖLN UND MÜNCHEN, SCHÖNE FERIEN", "cp1252"),
    ],
)
def test_signs_and_rarer_languages(text, encoding):
    assert reads_right(text.encode(encoding), encoding)


def test_a_stray_byte_is_tolerated():
    detected = detect_legacy_encoding("Der Wächter hörte ein Geräusch \x81 vor der Tür.".encode("latin-1"))
    assert detected is not None
    assert detected.name == "cp1252"


def test_certainty_falls_with_letters_that_do_not_fit():
    certain = detect_legacy_encoding("José Muñoz y María Peña\n".encode("cp1252"))
    guessed = detect_legacy_encoding("x\xd0\xfe\xf1z q\xbfw\xbae\n".encode("latin-1"))
    assert certain is not None
    assert guessed is not None
    assert (certain.certainty, guessed.certainty) == (CERTAIN, GUESSED)
