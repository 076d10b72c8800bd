"""More languages: texts in the encodings of rarer languages, capitals, and long texts are read right."""

import random

import pytest

from tests.text.test_encodings import CASES, TEXTS, encoded, reads_right

MORE_TEXTS = {  # language: (encodings, prose, names)
    "Galician": (
        "latin-1 cp1252",
        "O neno camiñaba polo bosque e cantaba unha canción; despois comezou a chover e correu á "
        "casa. A avoa contáballes historias ás súas netas mentres o avó arranxaba a porta do "
        "cortello, que levaba anos rota. Mañá iremos á praia cos nosos curmáns.",
        "Íñigo Xoán Uxía Brañas Nóvoa Castiñeiras Muíños Núñez Seoane Iría Breogán Loureiro Antón"
        " Sabela Noelia Mariña Piñeiro Patiño Lourenzo Águeda",
    ),
    "Basque": (
        "latin-1 cp1252",
        "Mutila basoan zehar zebilen abesti bat kantatuz; gero euria hasi zuen eta etxera korrika"
        " joan zen. Iñaki eta Begoña lagunak ziren, eta Oñatiko jaietan ezagutu zuten elkar; "
        "andereñoak ipuinak irakurtzen zizkien.",
        "Iñaki Begoña Oñati Ibañez Etxebarria Muñoa Zuñiga Iñigo Antoñana Agiñaga Urruñuela "
        "Mañaria Ordoñez Larrañaga Goñi Ibañeta Nuñez Peñagarikano Zañartu Iruña",
    ),
    "Faroese": (
        "latin-1 cp1252",
        "Drongurin gekk í skóginum og sang ein sang; síðani byrjaði tað at regna, og hann rann "
        "heim. Um kvøldið segði omman søgur fyri børnunum, og øll lurtaðu. Tað var eitt gott "
        "kvøld á oynni.",
        "Jógvan Høgni Rói Páll Tórshavn Súni Ólavur Óli Bárður Sólrun Sørvágur Gunnvør Føroyar "
        "Tróndur Ragnhild Sámal Kári Eyðun Brynhild Mikkjal",
    ),
    "Afrikaans": (
        "latin-1 cp1252",
        "Die seun het deur die bos geloop en 'n liedjie gesing; toe begin dit reën en hy hardloop"
        " huis toe. Môre sê sy vir hom dat die brûe geëindig het, en wêreld toe gaan hulle.",
        "Desirée Chloë Renée Zoë André Hermanus Daniël Gabriël Michaël Joël Israël Néthling "
        "Coenraad Naudé Malherbé Thérèse Riëtte Gustaf Böhmer Müller",
    ),
    "Welsh": (
        "iso8859_14",
        "Cerddodd y bachgen drwy'r goedwig gan ganu cân; yna dechreuodd lawio ac fe redodd adref."
        " Mae'r tŷ ar ben y bryn a'r dŵr yn llifo wrth ei ymyl; mae'r gŵr yn hŷn na'i wraig.",
        "Siân Llŷr Gŵyr Tŷ Dŵr Rhŷn Siôn Môn Llŷn Tŵr Ŵyn Gwên Cŵn Bŷs Lôn Tân Gwyn Brân Hâf Ifor",
    ),
    "Serbian": (
        "cp1251 iso8859_5",
        "Дечак је ишао кроз шуму и певао песму; затим је почела киша и он је потрчао кући. Увече "
        "је бака причала приче својој деци, а деда је седео поред ватре и ћутао. Његова ћерка је "
        "љубазна.",
        "Ђорђе Јован Љубица Његош Ћирић Џаја Милош Живко Вељко Жељко Стојан Марија Јелена Ненад "
        "Вучић Шешељ Тадић Ђинђић Коштуница Љиљана",
    ),
    "Serbian Latin": (
        "cp1250 iso8859_2",
        "Dečak je išao kroz šumu i pevao pesmu; zatim je počela kiša i on je potrčao kući. Uveče "
        "je baka pričala priče svojoj deci, a deda je sedeo pored vatre i ćutao. Đak je učio "
        "čitavu noć.",
        "Đorđe Jovan Ljubiša Živković Ćirić Džaja Miloš Živko Veljko Željko Stojan Čedomir Jelena"
        " Nenad Vučić Šešelj Tadić Đinđić Koštunica Ljiljana",
    ),
    "Belarusian": (
        "cp1251",
        "Хлопчык ішоў па лесе і спяваў песню; потым пачаўся дождж, і ён пабег дадому. Увечары "
        "бабуля расказвала казкі, а дзед сядзеў ля печы і маўчаў. Ён быў вельмі задаволены.",
        "Янка Ўладзімір Кузьма Чорны Быкаў Караткевіч Янкоўскі Шыбаў Пятрусь Броўка Машэраў "
        "Лукашэнка Дзяніс Сяргей Уладзіслаў Алесь Наталля Вольга Жанна Іна",
    ),
    "Macedonian": (
        "cp1251 iso8859_5",
        "Момчето одеше низ шумата и пееше песна; потоа почна да врне и тоа потрча дома. Навечер "
        "бабата раскажуваше приказни за децата, а дедото седеше покрај огнот. Ѓорѓи и Ќиро беа "
        "најдобри другари.",
        "Ѓорѓи Ќиро Љупчо Његош Јован Ѕвезда Џорџ Благоја Зоран Ѓоко Снежана Живко Тодор Ристо "
        "Цветанка Љубе Јане Ацо Ванчо Ѓурѓа",
    ),
    "Slovenian": (
        "cp1250 iso8859_2 cp852",
        "Deček je hodil skozi gozd in pel pesem; potem je začelo deževati in stekel je domov. "
        "Zvečer je babica pripovedovala zgodbe otrokom, ki so jo poslušali z odprtimi usti. "
        "Čebela je žužnjala.",
        "Žiga Špela Črt Anže Urška Matjaž Tomaž Blaž Neža Živa Janša Prešeren Cankar Kučan Šarec "
        "Pahor Žnidaršič Čop Štih Božič",
    ),
    "Bosnian": (
        "cp1250",
        "Dječak je šetao kroz šumu i pjevao pjesmu; onda je počela kiša i otrčao je kući. Navečer"
        " je baka pričala priče djeci, a djed je ćutao i pušio. Đulsa je čuvala ovce.",
        "Džemal Đulsa Izetbegović Hadžić Šefik Ćamil Čaušević Dženana Žbanić Alić Begić Kovač "
        "Salihović Đokić Šabić Muratović Bešić Pašić Omerović Tahirović",
    ),
    "Luxembourgish": (
        "latin-1 cp1252",
        "De Jong ass duerch de Bësch gaangen an huet e Lidd gesongen; dunn huet et ugefaang ze "
        "reenen an hien ass heem gelaf. D'Groussmamm huet hinne Geschichten erzielt, a si hunn op"
        " d'Sténg gelauschtert. Hatt wënscht e schéine Mëtteg.",
        "Jäerling Zënter Lëtzebuerg Schëffleng Péiteng Diddeléng Réimech Wëltz Klierf Vianen Jéng"
        " Kätt Léon Nëckel Péiter Géisdref Uewerkäerjeng Käl Déifferdeng Réiden",
    ),
    "Maltese": (
        "iso8859_3",
        "It-tifel mexa fil-foresta u kanta għanja; imbagħad bdiet ix-xita u ġera lejn id-dar. "
        "Filgħaxija n-nanna qalet stejjer lit-tfal, u kulħadd sema' b'attenzjoni. Iż-żiemel kien "
        "għajjien.",
        "Ġorġ Ċikku Ħamrun Żejtun Għawdex Żurrieq Ġużeppi Ċetta Marsaxlokk Tas-Sliema Ħal_Qormi "
        "Għaxaq Żebbuġ Mellieħa Nadur Ġgantija Xagħra Ħaġar Qala Għarb",
    ),
    "Russian, long": (
        "cp1251 koi8_r cp866 iso8859_5 mac_cyrillic",
        "Старый рыбак жил у самого синего моря. Каждое утро он выходил в лодке ловить рыбу и "
        "возвращался только к вечеру. Однажды он вытянул сеть, а в ней была одна-единственная "
        "рыбка, зато какая! Она заговорила человеческим голосом и попросила отпустить её домой, в"
        " глубину.",
        "Абрамов Белова Васильев Громов Дмитриева Ершов Журавлёв Зайцева Ильин Королёв Лебедева "
        "Макаров Никитин Орлова Павлов Романова Семёнов Тихонова Устинов Фролов",
    ),
    "English": (
        "cp1252 mac_roman",
        "“It’s a fine day,” said the captain — and nobody answered. The crew’s thoughts were "
        "elsewhere; the ship’s cat, however, purred. “Land ahead!” cried the boy, and they all "
        "ran to the rail…",
        "",
    ),
    "Vietnamese, long": (
        "cp1258",
        "Ngày xưa có một người nông dân nghèo sống trong một ngôi làng nhỏ bên bờ sông. Ông có ba"
        " người con trai, ai cũng khỏe mạnh và chăm chỉ. Một hôm, ông gọi các con lại và nói rằng"
        " mỗi người phải tự đi tìm vận may của mình.",
        "Nguyễn Trần Lê Phạm Huỳnh Hoàng Phan Đặng Bùi Đỗ",
    ),
}
MORE_CASES = [
    (language, encoding) for language, (encodings, _, _) in MORE_TEXTS.items() for encoding in encodings.split()
]
HARD_CAPITALS = {("Russian", "mac_cyrillic"), ("Greek", "cp1253")}  # a letter looks like a sign elsewhere


@pytest.mark.parametrize(("language", "encoding"), MORE_CASES)
def test_prose_and_names_are_read_right(language, encoding):
    _, prose, names = MORE_TEXTS[language]
    assert reads_right(encoded(prose, encoding), encoding)
    assert reads_right(encoded(f"{prose}\n" * 300, encoding), encoding)
    if names:
        many = random.Random(1).choices(names.replace("_", "-").split(), k=2000)
        for lines in (names.split(), names.split()[:10], many):
            assert reads_right(encoded("\n".join(lines), encoding), encoding)


@pytest.mark.parametrize(("language", "encoding"), [case for case in CASES if case not in HARD_CAPITALS])
def test_capitals_are_read_right(language, encoding):
    assert reads_right(encoded(TEXTS[language][1].upper(), encoding), encoding)
