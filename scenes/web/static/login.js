// Before the viewer starts on a server with accounts: who is there? Afterwards a badge says who it is, and lets them out.

const ME = "/api/me";
const RENEW_MS = 60000;

function element(kind, attributes, ...children) {
  const made = document.createElement(kind);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.append(...children);
  return made;
}

function field(name, label, attributes) {
  const input = element("input", { id: `login-${name}`, name, ...attributes });
  return [element("label", { for: input.id }, label), input];
}

async function post(path, body) {
  return fetch(path, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) });
}

// What is said of a log-in that was refused; the server does not tell which part was wrong.
function refusal(answer) {
  if (answer.status === 401) return "账号、密码或动态码不正确。";
  if (answer.status === 429) return `尝试过于频繁，请 ${answer.headers.get("retry-after") ?? "几"} 秒后再试。`;
  return `登录失败 (HTTP ${answer.status})。`;
}

// Shows the form until somebody is in; gives what the server says of them.
function ask(place) {
  return new Promise((resolve) => {
    const button = element("button", { type: "submit" }, "登录");
    const wrong = element("p", { class: "bad", role: "alert" });
    const form = element("form", { id: "login", "aria-label": "登录" },
      ...field("name", "账号", { type: "text", autocomplete: "username", required: "", maxlength: "64" }),
      ...field("password", "密码", { type: "password", autocomplete: "current-password", required: "", maxlength: "256" }),
      ...field("code", "动态码 (启用时)", { type: "text", inputmode: "numeric", autocomplete: "one-time-code", maxlength: "6" }),
      button, wrong);
    form.addEventListener("submit", async (event) => {
      event.preventDefault();
      button.disabled = true;
      wrong.textContent = "";
      const value = (name) => form.elements[name].value.trim();
      const asked = { login: value("name"), password: form.elements.password.value };
      if (value("code")) asked.code = value("code");
      try {
        const answer = await post("/api/login", asked);
        if (answer.ok) {
          form.remove();
          resolve(await answer.json());
          return;
        }
        wrong.textContent = refusal(answer);
      } catch (error) {
        wrong.textContent = `无法连接服务器: ${error}`;
      }
      form.elements.password.value = "";
      button.disabled = false;
    });
    place.append(form);
    form.elements.name.focus();
  });
}

function badge(me) {
  const out = element("button", { type: "button", id: "logout" }, "退出");
  out.addEventListener("click", async () => {
    await post("/api/logout", {});
    location.reload();
  });
  const roles = (me.roles_zh ?? []).join("、");
  document.body.append(element("div", { id: "whoami" }, `${me.display_name || me.login}${roles ? ` · ${roles}` : ""}`, out));
  // A session that has ended leads back to the form.
  setInterval(async () => {
    const answer = await fetch(ME).catch(() => null);
    if (answer?.status === 401) location.reload();
  }, RENEW_MS);
}

// Who is there; null on a server without accounts.
export async function enter(place) {
  const answer = await fetch(ME);
  if (answer.status === 404) return null;
  if (!answer.ok && answer.status !== 401) throw new Error(`${ME}: HTTP ${answer.status}`);
  const me = answer.ok ? await answer.json() : await ask(place);
  if (!me.accounts) return null;
  badge(me);
  return me;
}
