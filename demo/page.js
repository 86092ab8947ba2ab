
// Like Discord, jump to a message that has just been added below.
const list = document.getElementById("channel-message-list");
new MutationObserver((changes) => {
  const added = changes.flatMap((change) => [...change.addedNodes]);
  if (!added.includes(list.lastElementChild)) return;
  const timeline = document.getElementById("channel-timeline");
  timeline.scrollTop = timeline.scrollHeight;
}).observe(list, { childList: true });
