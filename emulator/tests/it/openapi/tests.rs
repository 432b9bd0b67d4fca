//! The validator refuses what it must, on a description of its own.

use serde_json::{Value, json};

use super::document::Document;
use super::exchange::{Finding, Report};
use super::gaps::covers;
use crate::support::traffic::Recorded;

const DESCRIPTION: &str = "
paths:
  /things:
    get:
      parameters:
      - {$ref: '#/components/parameters/top'}
      - {name: $count, in: query, schema: {type: boolean}}
      - {name: $filter, in: query, schema: {type: string}}
      - {name: $select, in: query, schema: {type: string}}
      - {name: $expand, in: query, schema: {type: string}}
      - {name: ConsistencyLevel, in: header, schema: {type: string}}
      responses:
        2XX: {$ref: '#/components/responses/things'}
        default: {$ref: '#/components/responses/error'}
      x-graph-success: [200]
    post:
      requestBody:
        required: true
        content: {application/json: {schema: {$ref: '#/components/schemas/thing'}}}
      responses:
        2XX:
          description: ok
          content: {application/json: {schema: {$ref: '#/components/schemas/thing'}}}
        default: {$ref: '#/components/responses/error'}
      x-graph-success: [201]
  /things/{thing-id}:
    delete:
      responses:
        2XX: {description: ok}
        default: {$ref: '#/components/responses/error'}
      x-graph-success: [204]
  /things/$count:
    get:
      responses:
        2XX: {description: ok, content: {text/plain: {schema: {type: integer, format: int32}}}}
        default: {$ref: '#/components/responses/error'}
      x-graph-success: [200]
  /$batch:
    post:
      requestBody:
        required: true
        content:
          application/json:
            schema:
              type: object
              required: [requests]
              properties: {requests: {type: array, maxItems: 20, items: {type: object}}}
      responses:
        '200':
          description: ok
          content:
            application/json:
              schema:
                type: object
                required: [responses]
                properties: {responses: {type: array, items: {type: object}}}
        default: {$ref: '#/components/responses/error'}
      x-graph-success: [200]
components:
  parameters:
    top: {name: $top, in: query, schema: {type: integer, minimum: 0}}
  responses:
    things:
      description: ok
      content:
        application/json:
          schema:
            allOf:
            - {$ref: '#/components/schemas/Collection'}
            - type: object
              required: [value]
              properties: {value: {type: array, items: {$ref: '#/components/schemas/thing'}}}
    error:
      description: error
      content: {application/json: {schema: {$ref: '#/components/schemas/ODataError'}}}
  schemas:
    entity: {type: object, properties: {id: {type: string}, '@odata.type': {type: string}}}
    thing:
      allOf:
      - {$ref: '#/components/schemas/entity'}
      - type: object
        properties:
          key: {type: string, format: uuid, pattern: x}
          made: {type: string, format: date-time, nullable: true}
          lasts: {type: string, format: duration}
          bytes: {type: string, format: base64url}
          color: {anyOf: [{$ref: '#/components/schemas/color'}, {type: string, nullable: true, enum: [null]}]}
          on: {type: boolean}
          names: {type: array, items: {type: string}}
          part: {anyOf: [{$ref: '#/components/schemas/part'}, {type: object, nullable: true}]}
    openThing:
      allOf:
      - {$ref: '#/components/schemas/thing'}
      - {type: object, properties: {size: {type: integer, format: int32}}, x-open: true}
    part: {type: object, required: [number], properties: {number: {type: integer}}}
    color: {type: string, enum: [red, green]}
    Collection: {type: object, properties: {'@odata.count': {type: integer}}}
    ODataError:
      type: object
      required: [error]
      properties:
        error:
          type: object
          required: [code, message]
          properties: {code: {type: string}, message: {type: string}}
";

fn exchange(method: &str, path: &str, body: &Value, status: u16, response: &Value) -> Recorded {
    let text = |value: &Value| if value.is_null() { String::new() } else { value.to_string() };
    let json = |value: &Value| (!value.is_null()).then(|| "application/json; charset=utf-8".to_owned());
    Recorded {
        test: "a test".into(),
        method: method.into(),
        uri: format!("https://graph.microsoft.com/v1.0{path}"),
        content_type: json(body),
        body: text(body),
        status,
        answer_content_type: json(response),
        answer_body: text(response),
    }
}

fn report(recorded: &Recorded) -> Report {
    let mut report = Report::default();
    report.look(&Document::parse(DESCRIPTION).unwrap(), recorded);
    report
}

/// What is found, as "place: reason".
fn found(recorded: &Recorded) -> Vec<String> {
    let report = report(recorded);
    report.accepted.iter().chain(&report.findings).map(|Finding { at, reason, .. }| format!("{at}: {reason}")).collect()
}

/// What is found in a response.
fn in_thing(thing: &Value) -> Vec<String> {
    found(&exchange("POST", "/things", &json!({}), 201, thing))
}

#[test]
fn what_keeps_to_the_description_passes() {
    let thing = json!({
        "@odata.context": "https://graph.microsoft.com/v1.0/$metadata#things/$entity",
        "@odata.etag": "W/\"x\"",
        "id": "x",
        "key": "8e881353-1735-45af-af21-ee1344582a4d",
        "made": "2026-06-01T09:00:00.1234567Z",
        "lasts": "P1Y2M3DT4H5.5S",
        "bytes": "ab+/_-==",
        "color": "red",
        "on": true,
        "names": ["a"],
        "names@odata.type": "#Collection(String)",
        "part": {"number": 1},
    });
    assert_eq!(in_thing(&thing), [""; 0]);
    assert_eq!(in_thing(&json!({"made": null, "color": null, "part": null, "lasts": "PT0S"})), [""; 0]);
    let list = json!({"@odata.count": 1, "@odata.nextLink": "https://x/y", "value": [thing]});
    assert_eq!(found(&exchange("GET", "/Things?$top=5&$COUNT=true&$filter=5", &Value::Null, 200, &list)), [""; 0]);
    assert_eq!(found(&exchange("DELETE", "/things('x')", &Value::Null, 204, &Value::Null)), [""; 0]);
    let mut count = exchange("GET", "/things/$count", &Value::Null, 200, &json!(893));
    count.answer_content_type = Some("text/plain".into());
    assert_eq!(found(&count), [""; 0]);
    let refusal = json!({"error": {"code": "Request_BadRequest", "message": "No."}});
    assert_eq!(found(&exchange("DELETE", "/things/x", &Value::Null, 400, &refusal)), [""; 0]);
}

#[test]
fn a_value_of_another_type_is_found() {
    let cases = [
        (json!({"id": 1}), "/id of the answer: is not a string (1)"),
        (json!({"id": null}), "/id of the answer: is null, which is not allowed (null)"),
        (json!({"on": "true"}), "/on of the answer: is not a boolean (\"true\")"),
        (json!({"names": null}), "/names of the answer: is null, which is not allowed (null)"),
        (json!({"names": {}}), "/names of the answer: is not a list ({})"),
        (json!({"names": ["a", null]}), "/names/1 of the answer: is null, which is not allowed (null)"),
        (json!({"key": "8e88135317354"}), "/key of the answer: is not a UUID (\"8e88135317354\")"),
        (json!({"made": "2026-06-01"}), "/made of the answer: is not a date and time with its offset (\"2026-06-01\")"),
        (
            json!({"made": "2026-06-01T09:00:00"}),
            "/made of the answer: is not a date and time with its offset (\"2026-06-01T09:00:00\")",
        ),
        (json!({"lasts": "730D"}), "/lasts of the answer: is not an ISO 8601 duration (\"730D\")"),
        (json!({"lasts": "P1DT"}), "/lasts of the answer: is not an ISO 8601 duration (\"P1DT\")"),
        (json!({"bytes": "a b"}), "/bytes of the answer: is not base64 (\"a b\")"),
        (json!({"color": "blue"}), "/color of the answer: is not one of red, green (\"blue\")"),
        (json!({"part": []}), "/part of the answer: is not an object ([])"),
        (json!({"part": {}}), "/part of the answer: lacks number ({})"),
        (json!({"part": {"number": 1.5}}), "/part/number of the answer: is not an integer (1.5)"),
        (json!({"@odata.nextLink": "/x"}), "/@odata.nextLink of the answer: is not an absolute URL (\"/x\")"),
        (json!([]), "the whole of the answer: is not an object ([])"),
    ];
    for (thing, expected) in cases {
        assert_eq!(in_thing(&thing), [expected], "{thing}");
    }
}

#[test]
fn a_member_that_is_not_declared_is_found_on_closed_types_and_told_on_open_ones() {
    assert_eq!(in_thing(&json!({"size": 1})), ["/size of the answer: size is no member of thing, which is closed (1)"]);
    assert_eq!(
        in_thing(&json!({"part": {"number": 1, "x/y": 2}})),
        ["/part/x~1y of the answer: x/y is no member of part, which is closed (2)"]
    );
    assert_eq!(
        in_thing(&json!({"@odata.odd": 1})),
        ["/@odata.odd of the answer: @odata.odd is no member of thing, which is closed (1)"]
    );
    assert_eq!(in_thing(&json!({"@odata.type": "#openThing", "size": 1})), [""; 0]);
    assert_eq!(
        in_thing(&json!({"@odata.type": "#openThing", "size": 3_000_000_000_u32})),
        ["/size of the answer: is not an integer of 32 bits (3000000000)"]
    );
    let odd = json!({"@odata.type": "#openThing", "weight": 1});
    let report = report(&exchange("POST", "/things", &json!({}), 201, &odd));
    let undeclared: Vec<_> = report.undeclared.iter().map(|odd| (odd.of.as_str(), odd.member.as_str())).collect();
    assert_eq!((report.findings, undeclared), (vec![], vec![("openThing", "weight")]));
    assert_eq!(
        in_thing(&json!({"@odata.type": "#part"})),
        ["/@odata.type of the answer: part is no type that may stand here (\"#part\")"]
    );
}

#[test]
fn a_request_that_is_wrong_is_found_unless_it_is_refused() {
    let list = json!({"value": []});
    let refusal = json!({"error": {"code": "c", "message": "m"}});
    let cases = [
        ("GET", "/things?$skip=1", json!(null), "query: $skip=1 is not declared"),
        ("GET", "/things?$top=-1", json!(null), "query: $top=-1 is not of its type"),
        ("GET", "/things?$count=yes", json!(null), "query: $count=yes is not of its type"),
        ("GET", "/things?$select=ID,%20weight", json!(null), "query: $select names weight, which thing does not have"),
        (
            "GET",
            "/things?$expand=part($select=a,b),x",
            json!(null),
            "query: $expand names x, which thing does not have",
        ),
        ("GET", "/things", json!({}), "body of the request: there is one, and none is declared"),
    ];
    for (method, path, body, expected) in cases {
        assert_eq!(found(&exchange(method, path, &body, 200, &list)), [expected], "{method} {path}");
        let refused = report(&exchange(method, path, &body, 400, &refusal));
        assert_eq!(
            (refused.findings.len(), refused.accepted.len(), refused.refused.len()),
            (0, 0, 1),
            "{method} {path}"
        );
    }
    let posted = |body: &Value| found(&exchange("POST", "/things", body, 201, &json!({})));
    assert_eq!(posted(&json!({"on": 1})), ["/on of the request: is not a boolean (1)"]);
    assert_eq!(
        posted(&json!({"onn": true})),
        ["/onn of the request: onn is no member of thing, which is closed (true)"]
    );
    assert_eq!(posted(&Value::Null), ["body of the request: there is none"]);
    assert_eq!(
        found(&exchange("GET", "/elsewhere", &Value::Null, 200, &list)),
        ["path: the description has no such path"]
    );
    assert_eq!(
        found(&exchange("PATCH", "/things/x", &json!({}), 204, &Value::Null)),
        ["method: the description has no such method of the path"]
    );
}

#[test]
fn a_response_of_another_status_or_form_is_found() {
    let posted = |status, response: &Value| found(&exchange("POST", "/things", &json!({}), status, response));
    assert_eq!(posted(200, &json!({})), ["status: 200 is not among [201]"]);
    assert_eq!(posted(201, &Value::Null), ["body of the answer: the content type is \"\" and not application/json"]);
    assert_eq!(
        posted(404, &json!({"error": {"code": "c"}})),
        ["/error of the refusal: lacks message ({\"code\":\"c\"})"]
    );
    assert_eq!(posted(404, &json!({})), ["the whole of the refusal: lacks error ({})"]);
    assert_eq!(
        found(&exchange("DELETE", "/things/x", &Value::Null, 204, &json!({}))),
        ["body of the answer: there is one, and none is declared"]
    );
    assert_eq!(
        found(&exchange("GET", "/elsewhere", &Value::Null, 404, &json!({}))),
        ["the whole of the refusal: lacks error ({})"]
    );
    let mut count = exchange("GET", "/things/$count", &Value::Null, 200, &Value::Null);
    (count.answer_content_type, count.answer_body) = (Some("text/plain".into()), "many".into());
    assert_eq!(found(&count), ["the whole of the answer: is not an integer of 32 bits (\"many\")"]);
}

#[test]
fn each_item_of_a_batch_is_held_against_its_own_operation() {
    let json_type = json!({"Content-Type": "application/json"});
    let batch = |requests: Value, responses: Value| {
        exchange("POST", "/$batch", &json!({"requests": requests}), 200, &json!({"responses": responses}))
    };
    let asked = json!([
        {"id": "1", "method": "GET", "url": "/things?$top=1"},
        {"id": "2", "method": "post", "url": "things", "headers": json_type, "body": {"on": true}},
        {"id": "3", "method": "DELETE", "url": "/things/x"},
    ]);
    let right = json!([
        {"id": "3", "status": 204, "headers": {}},
        {"id": "2", "status": 201, "headers": json_type, "body": {"id": "x"}},
        {"id": "1", "status": 200, "headers": json_type, "body": {"value": []}},
    ]);
    let seen = report(&batch(asked.clone(), right));
    assert_eq!((seen.findings.len(), seen.requests, seen.batches, seen.operations.len()), (0, 4, 1, 4));
    let wrong = json!([
        {"id": "1", "status": 200, "headers": json_type, "body": {"value": [{"on": 1}]}},
        {"id": "2", "status": 500, "headers": json_type, "body": "no"},
        {"id": "4", "status": 204, "headers": {}},
    ]);
    assert_eq!(
        found(&batch(asked, wrong)),
        [
            "/value/0/on of the answer: is not a boolean (1)",
            "the whole of the refusal: is not an object (\"no\")",
            "/responses: there is none of the id \"3\"",
            "/responses: \"4\" answers no request",
        ]
    );
}

#[test]
fn a_finding_says_where_and_how_a_gap_would_be_called() {
    let report = report(&exchange("GET", "/things?$top=1&x=2", &Value::Null, 200, &json!({"value": [{"size": 1}]})));
    let told: Vec<_> = report.accepted.iter().chain(&report.findings).map(ToString::to_string).collect();
    assert_eq!(
        told,
        [
            "GET /things?$top=1&x=2\n    query: x=2 is not declared\n    called `option x of GET /things`, seen in a test",
            "GET /things?$top=1&x=2\n    /value/0/size of the answer: size is no member of thing, which is closed (1)\n    \
             called `member size of thing in the answer of GET /things`, seen in a test",
        ]
    );
    assert!(covers("option x of *", "option x of GET /things") && !covers("option x", "option x of GET /things"));
}

#[test]
fn what_is_no_request_to_graph_is_only_counted() {
    let mut token = exchange("POST", "", &Value::Null, 200, &Value::Null);
    token.uri = "https://login.microsoftonline.com/contoso/oauth2/v2.0/token".into();
    let report = report(&token);
    assert_eq!((report.requests, report.elsewhere), (0, 1));
}

#[test]
fn a_keyword_that_is_not_known_is_refused() {
    let refused = |from: &str, to: &str| Document::parse(&DESCRIPTION.replace(from, to)).err().unwrap_or_default();
    assert!(refused("on: {type: boolean}", "on: {type: boolean, oneOf: []}").contains("oneOf"));
    assert!(refused("format: duration", "format: duration, maxLength: 5").contains("maxLength"));
    assert!(refused("format: duration", "format: email").contains("email"));
    assert!(refused("format: duration", "pattern: x").contains("pattern"));
    assert!(refused("on: {type: boolean}", "on: {type: float}").contains("float"));
    assert!(refused("x-graph-success: [201]", "x: 1").contains("x-graph-success"));
}
